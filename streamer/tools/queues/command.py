"""The command line of `streamer queues`."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from streamer.tools.terminal.errors import DONE, FAILED, UsageError, check_utf8, check_value, reports_errors
from streamer.tools.terminal.help import AWS, epilog
from streamer.tools.terminal.printable import printable
from streamer.tools.terminal.table import print_table

if TYPE_CHECKING:
    from streamer.intake.reaper import Examined, Reaper, ReaperReport
    from streamer.local.clients import BotoClients

PREFIX: Final = "sentiment-stream"
_PREFIX_FORM: Final = re.compile(r"[A-Za-z0-9_-]{1,43}")
_LIMIT: Final = 50

Topic = Annotated[
    str | None,
    typer.Option(
        "--topic",
        envvar="CHANGES_TOPIC_ARN",
        metavar="ARN",
        help="topic of the queues; default: the topic of the running demo",
    ),
]
OldTopic = Annotated[str | None, typer.Option("--topic-arn", hidden=True)]
"""The name of `--topic` in earlier versions."""
Prefix = Annotated[str, typer.Option(envvar="QUEUE_PREFIX", help="prefix of the queue names")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True,
        help="Lists the queues of the containers, and deletes the queues of dead containers.",
    )
    read = ("CHANGES_TOPIC_ARN", "QUEUE_PREFIX", *AWS)
    group.command("list", epilog=epilog("streamer queues list", environment=read))(reports_errors("queues")(list_))
    group.command(
        "prune", epilog=epilog("streamer queues prune --dry-run", "streamer queues prune --all", environment=read)
    )(reports_errors("queues")(prune))
    app.add_typer(group, name="queues")


def list_(topic: Topic = None, old_topic: OldTopic = None, prefix: Prefix = PREFIX, as_json: AsJson = False) -> int:
    """Lists the queues whose names begin with the prefix, with heartbeat, subscriptions and verdict: ours, alive or dead. Changes nothing.

    Subscriptions whose queue does not exist are listed with the verdict gone and the name that the queue had; prune removes them.

    Exit codes: 0 listed; 1 AWS refused a request, or a queue could not be read; 2 invalid usage.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    found = _reaper(topic if old_topic is None else old_topic, prefix).examine()
    if as_json:
        for each in found:
            _print_json({
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
        print_table(("queue", "verdict", "reason", "heartbeat", "subscribed", "topic"), map(_row, found))
    else:
        sys.stdout.write(f"no queue name begins with {prefix}-\n")
    return FAILED if any(each.verdict == "unknown" for each in found) else DONE


def prune(
    topic: Topic = None,
    old_topic: OldTopic = None,
    prefix: Prefix = PREFIX,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only list the queues that would be removed")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="also remove queues of running containers and queues without a heartbeat")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="remove at most this many queues")] = _LIMIT,
    as_json: AsJson = False,
) -> int:
    """Removes the queues of dead containers, and subscriptions whose queue does not exist.

    A queue is removed only if its name is the prefix and a UUID, its tags name our service and this topic, and its heartbeat is older than 30 minutes. If AWS refuses a request, the queue is listed as failed and the command continues.

    --all ignores the heartbeat, to remove a whole deployment. Containers that still run create a new queue.

    Exit codes: 0 done, also if --limit left some; 1 some could not be read or removed; 2 invalid usage.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    report = _reaper(topic if old_topic is None else old_topic, prefix).prune(
        everything=everything, limit=limit, dry_run=dry_run
    )
    if as_json:
        for fate in report.fates:
            _print_json({"kind": fate.kind, "name": fate.name, "outcome": fate.outcome, "reason": fate.reason})
    else:
        for fate in report.fates:
            sys.stdout.write(printable(f"{fate.outcome}: {fate.kind} {fate.name}: {fate.reason}") + "\n")
        sys.stdout.write(_totals(report) + "\n")
    return FAILED if report.those("failed") else DONE


def _reaper(topic_arn: str | None, prefix: str) -> Reaper:
    """Returns the reaper for the given topic, or for the running demo's if it is None. Raises UsageError."""
    from streamer.aws.clients import QueueClients
    from streamer.intake.reaper import Reaper
    from streamer.local.clients import LocalClients
    from streamer.tools.aws import EnvironmentClients, region_of, running_demo

    check_value("--topic", topic_arn)
    check_utf8("--prefix", prefix)
    if not _PREFIX_FORM.fullmatch(prefix):
        raise UsageError(f"--prefix={prefix!r} (QUEUE_PREFIX): invalid; use 1 to 43 letters, digits, - or _")
    if topic_arn is None:
        demo = running_demo().resources
        topic_arn = demo.topic_arn
        clients: BotoClients = LocalClients(demo.endpoint_url)
    else:
        clients = EnvironmentClients(region_of("--topic", topic_arn))
    return Reaper(QueueClients(clients.sqs(), clients.sns()), topic_arn, prefix)


def _print_json(members: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(members) + "\n")


def _row(queue: Examined) -> tuple[str, ...]:
    topic = (queue.topic or "-").rpartition(":")[2]
    return queue.name, queue.verdict, queue.reason, _age(queue), str(len(queue.subscriptions)), topic


def _age(queue: Examined) -> str:
    if queue.age_seconds is None:
        return queue.heartbeat or "-"
    age = abs(round(queue.age_seconds))
    words = f"{age} s" if age < 120 else f"{age // 60} min" if age < 7200 else f"{age // 3600} h"
    return f"in {words}" if queue.age_seconds < 0 else f"{words} ago"


def _totals(report: ReaperReport) -> str:
    outcomes = dict.fromkeys(fate.outcome for fate in report.fates)
    return ", ".join(f"{len(report.those(outcome))} {outcome}" for outcome in outcomes) or "there is nothing to remove"
