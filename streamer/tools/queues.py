"""`streamer queues`: the queues that containers made, and what they left behind."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Final

import typer

from streamer.tools.ending import DONE, FAILED, UsageError, ending, given, legible
from streamer.tools.printable import printable

if TYPE_CHECKING:
    from streamer.intake.reaper import Examined, Reaper, ReaperReport

PREFIX: Final = "sentiment-stream"
_PREFIX_FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,43}")
_LIMIT: Final = 50

TopicArn = Annotated[
    str | None,
    typer.Option(envvar="CHANGES_TOPIC_ARN", metavar="ARN", help="topic they hear; the running demo's unless given"),
]
Prefix = Annotated[str, typer.Option(envvar="QUEUE_PREFIX", help="what their names begin with")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="The queues that containers made, one each; and those that nobody needs any more.",
    )
    group.command("list")(ending("queues")(list_))
    group.command("prune")(ending("queues")(prune))
    app.add_typer(group, name="queues")


def list_(topic_arn: TopicArn = None, prefix: Prefix = PREFIX, as_json: AsJson = False) -> int:
    """Lists every queue whose name begins with the prefix: its heartbeat, its subscriptions, and whether it is ours and alive. Changes nothing.

    Exit codes: 0 listed; 1 AWS refused, or some could not be looked at; 2 called wrongly.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    found = _reaper(topic_arn, prefix).examine()
    if as_json:
        for each in found:
            _say({
                "name": each.name,
                "verdict": each.verdict,
                "reason": each.reason,
                "heartbeat": each.heartbeat,
                "age_seconds": each.age_seconds,
                "service": each.service,
                "topic": each.topic,
                "subscriptions": list(each.subscriptions),
            })  # fmt: skip
    elif found:
        _table(found)
    else:
        sys.stdout.write(f"no queue's name begins with {prefix}-\n")
    return FAILED if any(each.verdict == "unknown" for each in found) else DONE


def prune(
    topic_arn: TopicArn = None,
    prefix: Prefix = PREFIX,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be removed, and change nothing")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="also those of containers that live, and those without a heartbeat")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="remove so many at most")] = _LIMIT,
    as_json: AsJson = False,
) -> int:
    """Removes the queues that dead containers left behind, and subscriptions whose queue is gone.

    Only what is certainly ours and dead: a name that is exactly the prefix and a UUID, tags that name our service and this topic, a heartbeat older than 30 minutes. What AWS refuses is left and named; the others go on.

    With --all the heartbeat does not count: for taking everything down. Containers that still run take a new queue by themselves.

    Exit codes: 0 done, also if --limit left some; 1 some could not be looked at or removed; 2 called wrongly.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    report = _reaper(topic_arn, prefix).prune(everything=everything, limit=limit, dry_run=dry_run)
    if as_json:
        for fate in report.fates:
            _say({"kind": fate.kind, "name": fate.name, "outcome": fate.outcome, "reason": fate.reason})
    else:
        for fate in report.fates:
            sys.stdout.write(printable(f"{fate.outcome}: {fate.kind} {fate.name}: {fate.reason}") + "\n")
        sys.stdout.write(_summed_up(report) + "\n")
    return FAILED if report.those("failed") else DONE


def _reaper(topic_arn: str | None, prefix: str) -> Reaper:
    """For the topic that is named, else the running demo's. Raises UsageError."""
    from streamer.aws.clients import QueueClients
    from streamer.intake.reaper import Reaper
    from streamer.tools.account import Account, region_of, the_demo

    given("--topic-arn", topic_arn)
    legible("--topic-arn", topic_arn)
    legible("--prefix", prefix)
    if not _PREFIX_FORM.fullmatch(prefix):
        raise UsageError(f"--prefix (QUEUE_PREFIX) {prefix!r}: use 1 to 43 letters, digits, - or _")
    if topic_arn is None:
        demo = the_demo()
        account, topic_arn = Account(demo=demo), demo.resources.topic_arn
    else:
        account = Account(region=region_of(topic_arn))
    return Reaper(QueueClients(account.sqs(), account.sns()), topic_arn, prefix)


def _say(members: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(members) + "\n")


def _table(found: Sequence[Examined]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("queue", "verdict", "reason", "heartbeat", "subscribed", "topic"):
        table.add_column(name, overflow="fold")
    for each in found:
        topic = (each.topic or "-").rpartition(":")[2]
        row = [each.name, each.verdict, each.reason, _age(each), str(len(each.subscriptions)), topic]
        table.add_row(*(Text(printable(cell)) for cell in row))
    # For a pipe, lines are not folded at some width that nobody has.
    Console(width=None if sys.stdout.isatty() else 200).print(table)


def _age(queue: Examined) -> str:
    if queue.age_seconds is None:
        return queue.heartbeat or "-"
    age = abs(round(queue.age_seconds))
    words = f"{age} s" if age < 120 else f"{age // 60} min" if age < 7200 else f"{age // 3600} h"
    return f"in {words}" if queue.age_seconds < 0 else f"{words} ago"


def _summed_up(report: ReaperReport) -> str:
    outcomes = dict.fromkeys(fate.outcome for fate in report.fates)
    return ", ".join(f"{len(report.those(outcome))} {outcome}" for outcome in outcomes) or "there is nothing to remove"
