"""`streamer failures`: the relay's failure queue, made useful."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from streamer.tools.ending import DONE, FAILED, INTERRUPTED, UsageError, ending, given
from streamer.tools.printable import printable

if TYPE_CHECKING:
    from streamer.local.relaying import Kind
    from streamer.tools.account import Account
    from streamer.tools.deadletters import Failure
    from streamer.tools.redrive import Redriven

_MOST: Final = 1000

QueueUrl = Annotated[
    str | None, typer.Option(envvar="FAILURE_QUEUE_URL", metavar="URL", help="the running demo's unless given")
]
Limit = Annotated[int, typer.Option(min=1, help="look at so many messages at most")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="What the relay could not publish: what, why, from where; and once more after a fix.",
    )
    group.command("list")(ending("failures")(list_))
    group.command("show")(ending("failures")(show))
    group.command("redrive")(ending("failures")(redrive))
    app.add_typer(group, name="failures")


def list_(
    queue_url: QueueUrl = None,
    limit: Limit = _MOST,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a line")] = False,
) -> int:
    """Lists what is in the queue, oldest first, and leaves it there.

    While it looks, others cannot see the messages; each look counts as a receive, so a redrive policy on the queue could move them.

    Exit codes: 0 listed; 1 the queue cannot be read; 2 called wrongly.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    found = _look(_place(queue_url), limit)
    if as_json:
        for number, each in enumerate(found, 1):
            sys.stdout.write(json.dumps(_members(number, each)) + "\n")
    else:
        _table(found)
    return DONE


def show(
    number: Annotated[int, typer.Argument(min=1, metavar="N", help="its number in `streamer failures list`")],
    queue_url: QueueUrl = None,
    limit: Limit = _MOST,
) -> int:
    """Shows one message whole.

    Exit codes: 0 shown; 1 the queue cannot be read; 2 called wrongly, or there is no such number.
    """
    found = _look(_place(queue_url), limit)
    if number > len(found):
        raise UsageError(f"there is no number {number}: the queue has {len(found)}")
    body = found[number - 1].body
    with suppress(ValueError, RecursionError):  # else as it is
        body = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    sys.stdout.write(printable(body) + "\n")
    return DONE


def redrive(
    numbers: Annotated[list[int] | None, typer.Argument(metavar="[N…]", help="only these of the list")] = None,
    queue_url: QueueUrl = None,
    topic: Annotated[
        str | None, typer.Option(envvar="CHANGES_TOPIC_ARN", metavar="ARN", help="where to; goes with --queue-url")
    ] = None,
    sentiment_table: Annotated[str, typer.Option(envvar="SENTIMENT_TABLE", help="as the relay knows it")] = "sentiment",
    users_table: Annotated[str, typer.Option(envvar="USERS_TABLE", help="as the relay knows it")] = "users",
    limit: Limit = _MOST,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="read the records, publish and delete nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask before touching a real account")] = False,
) -> int:
    """Publishes failed records again: reads them from their stream, which holds them for 24 hours, relays them with the relay's code as it is installed here (fix that first), and deletes from the queue what was published.

    What still fails, or is beyond reach, stays in the queue and is named with the reason. A newer state of an item is not undone: receivers go by sequence numbers.

    Exit codes: 0 all published; 1 some still fail, are beyond reach or were not taken; 2 called wrongly; 130 stopped by Ctrl-C.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    from streamer.tools.deadletters import DeadLetters
    from streamer.tools.interrupt import Interrupt, Interrupted
    from streamer.tools.redrive import Redrive, chosen

    if topic is not None and queue_url is None:
        raise UsageError("--topic (CHANGES_TOPIC_ARN) without --queue-url: name the failure queue too, or neither")
    place = _place(queue_url, topic, {"sentiment": sentiment_table, "users": users_table})
    if place.topic_arn is None:
        raise UsageError("--queue-url without --topic: name the topic that the records are published to")
    if not (place.local or dry_run or yes):
        _ask(place)
    _hush()
    letters = DeadLetters(place.account.sqs(), place.queue_url)
    done: list[Redriven] = []
    with Interrupt() as interrupt:
        try:
            try:
                these = chosen(letters.look(limit), numbers or [])
            except IndexError as error:
                raise UsageError(f"there is no number {error}: the queue has {len(letters.held)}") from None
            again = Redrive(
                letters,
                place.account.streams(),
                place.account.sns(),
                place.topic_arn,
                place.tables,
                dry_run=dry_run,
                sleep=interrupt.sleep,
            )
            for number, failure in these:
                if interrupt.asked:
                    break
                done.append(again(failure))
                sys.stdout.write(f"{number:>4}  {printable(_line(done[-1]))}\n")
        except Interrupted:
            pass  # between two tries of a topic that takes nothing: that message stays, like those after it
        finally:
            letters.give_back()
    _sum_up(done, len(these))
    if interrupt.asked:
        return INTERRUPTED
    return DONE if all(each.fate in ("published", "could be published") for each in done) else FAILED


@dataclass(frozen=True, slots=True)
class _Place:
    account: Account
    queue_url: str
    local: bool
    topic_arn: str | None
    tables: Mapping[Kind, str]


def _place(queue_url: str | None, topic: str | None = None, tables: Mapping[Kind, str] | None = None) -> _Place:
    """The queue that is named, else the running demo's. Raises UsageError."""
    from streamer.tools.account import Account, is_local, region_of, the_demo

    if queue_url is not None:
        given("--queue-url", queue_url)
        given("--topic", topic)
        account = Account(region=region_of(topic) if topic else None)
        local = is_local(account.sqs()) and (topic is None or is_local(account.sns()))
        return _Place(account, queue_url, local, topic, tables or {})
    demo = the_demo()
    known: dict[Kind, str] = {"sentiment": demo.resources.sentiment_table, "users": demo.resources.users_table}
    return _Place(Account(demo=demo), demo.resources.failure_queue_url, True, demo.resources.topic_arn, known)


def _look(place: _Place, limit: int) -> list[Failure]:
    from streamer.tools.deadletters import DeadLetters

    letters = DeadLetters(place.account.sqs(), place.queue_url)
    try:
        return letters.look(limit)
    finally:
        letters.give_back()


def _ask(place: _Place) -> None:
    question = f"This publishes the failed records of {place.queue_url} to {place.topic_arn} again. Go on?"
    if not sys.stdin.isatty():
        raise UsageError(f"{question} Say --yes, or --dry-run")
    if not typer.confirm(question, err=True):
        raise UsageError("nothing was published")


def _hush() -> None:
    import logging

    logging.getLogger("ingest_relay").addHandler(logging.NullHandler())


def _table(found: Sequence[Failure]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not found:
        sys.stdout.write("the failure queue is empty\n")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("", "when", "reason", "table", "shard", "seq", "keys"):
        table.add_column(name, overflow="fold")
    for number, each in enumerate(found, 1):
        seq = each.first or "?"
        if each.records > 1:
            seq = f"{seq} … ({each.records} records)"
        row = [str(number), each.when, each.reason, each.table or "?", each.shard or "-", seq, _keys(each)]
        table.add_row(*(Text(printable(cell)) for cell in row))
    # For a pipe, lines are not folded at some width that nobody has.
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table)


def _keys(failure: Failure) -> str:
    return ", ".join(str(value) for value in failure.keys.values()) if failure.keys else "-"


def _members(number: int, failure: Failure) -> dict[str, Any]:
    return {
        "n": number,
        "when": failure.when,
        "reason": failure.reason,
        "error": failure.error,
        "table": failure.table,
        "stream_arn": failure.stream_arn,
        "shard": failure.shard,
        "first_seq": failure.first,
        "last_seq": failure.last,
        "records": failure.records,
        "keys": failure.keys,
    }


def _line(done: Redriven) -> str:
    of = _keys(done.failure) if done.failure.keys else f"seq {done.failure.first or '?'}"
    return f"{done.fate}: {of}: {done.words}"


def _sum_up(done: Sequence[Redriven], wanted: int) -> None:
    fates = {fate: sum(each.fate == fate for each in done) for fate in dict.fromkeys(each.fate for each in done)}
    parts = [f"{count} {fate}" for fate, count in fates.items()]
    parts += [f"{wanted - len(done)} not done"] if len(done) < wanted else []
    kept = len(done) < wanted or any(each.fate not in ("published", "could be published") for each in done)
    end = "; what was not published is still in the queue" if kept else ""
    sys.stdout.write(f"{', '.join(parts) or 'the failure queue is empty'}{end}\n")
