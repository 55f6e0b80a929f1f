"""The command line of `streamer failures`."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from streamer.tools.terminal.confirm import confirm
from streamer.tools.terminal.errors import DONE, FAILED, INTERRUPTED, UsageError, check_value, reports_errors
from streamer.tools.terminal.printable import printable
from streamer.tools.terminal.table import print_table

if TYPE_CHECKING:
    from streamer.local.clients import BotoClients
    from streamer.tools.failures.queue import Failure
    from streamer.tools.failures.redrive import RedriveResult
    from streamer.tools.relay import TableKind

_LIMIT: Final = 1000
_PUBLISHED: Final = ("published", "could be published")

QueueUrl = Annotated[
    str | None, typer.Option(envvar="FAILURE_QUEUE_URL", metavar="URL", help="default: the running demo's")
]
Limit = Annotated[int, typer.Option(min=1, help="read at most this many messages")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line")]
Number = Annotated[int, typer.Argument(min=1, metavar="N", help="its number in `streamer failures list`")]
Numbers = Annotated[list[int] | None, typer.Argument(metavar="[N…]", help="only these of the list")]
TopicArn = Annotated[
    str | None,
    typer.Option(envvar="CHANGES_TOPIC_ARN", metavar="ARN", help="the topic to publish to; goes with --queue-url"),
]
SentimentTable = Annotated[str, typer.Option(envvar="SENTIMENT_TABLE", help="the relay's name of the table")]
UsersTable = Annotated[str, typer.Option(envvar="USERS_TABLE", help="the relay's name of the table")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="read the records, publish and delete nothing")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask before changing a real account")]


def register(app: typer.Typer) -> None:
    """Adds the commands."""
    group = typer.Typer(
        no_args_is_help=True,
        help="The records that the relay could not publish, and why; publishes them again after a fix.",
    )
    group.command("list")(reports_errors("failures")(list_))
    group.command("show")(reports_errors("failures")(show))
    group.command("redrive")(reports_errors("failures")(redrive))
    app.add_typer(group, name="failures")


def list_(
    queue_url: QueueUrl = None,
    limit: Limit = _LIMIT,
    as_json: AsJson = False,
) -> int:
    """Lists the messages of the queue, oldest first, and leaves them there.

    While it reads, others cannot see the messages. Each time counts as a receive, so a redrive policy of the queue could move them.

    Exit codes: 0 listed; 1 the queue cannot be read; 2 called wrongly.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    found = _receive(_source(queue_url), limit)
    if as_json:
        for number, each in enumerate(found, 1):
            sys.stdout.write(json.dumps(_members(number, each)) + "\n")
    elif found:
        print_table(("", "when", "reason", "table", "shard", "seq", "keys"), map(_row, range(1, len(found) + 1), found))
    else:
        sys.stdout.write("the failure queue is empty\n")
    return DONE


def show(
    number: Number,
    queue_url: QueueUrl = None,
    limit: Limit = _LIMIT,
) -> int:
    """Shows one whole message.

    Exit codes: 0 shown; 1 the queue cannot be read; 2 called wrongly, or there is no such number.
    """
    found = _receive(_source(queue_url), limit)
    if number > len(found):
        raise UsageError(f"there is no number {number}: the queue has {len(found)}")
    body = found[number - 1].body
    with suppress(ValueError, RecursionError):  # otherwise shown as it is
        body = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    sys.stdout.write(printable(body) + "\n")
    return DONE


def redrive(
    numbers: Numbers = None,
    queue_url: QueueUrl = None,
    topic: TopicArn = None,
    sentiment_table: SentimentTable = "sentiment",
    users_table: UsersTable = "users",
    limit: Limit = _LIMIT,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> int:
    """Publishes failed records again: reads them from their stream, which holds them for 24 hours, relays them with the relay's code as it is installed here (fix that first), and deletes their messages from the queue.

    Records that still fail, or can no longer be read, stay in the queue and are listed with the reason. A newer state of an item is not overwritten: receivers compare sequence numbers.

    Exit codes: 0 all published; 1 some still fail, cannot be read or were not taken; 2 called wrongly; 130 stopped by Ctrl-C.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    from ingest_relay.publish import Topic
    from streamer.tools.failures.queue import FailureQueueReader
    from streamer.tools.failures.redrive import Redrive, chosen
    from streamer.tools.terminal.interrupt import Interrupt, Interrupted

    if topic is not None and queue_url is None:
        raise UsageError("--topic (CHANGES_TOPIC_ARN) without --queue-url: name the failure queue too, or neither")
    source = _source(queue_url, topic, {"sentiment": sentiment_table, "users": users_table})
    if source.topic_arn is None:
        raise UsageError("--queue-url without --topic: name the topic that the records are published to")
    if not (source.local or dry_run or yes):
        confirm(
            f"This publishes the failed records of {source.queue_url} to {source.topic_arn} again. Go on?",
            options="--yes, or --dry-run",
            declined="nothing was published",
        )
    for name in ("ingest_relay", "streamer.event_source"):  # each result has what they log
        logging.getLogger(name).addHandler(logging.NullHandler())
    queue = FailureQueueReader(source.clients.sqs(), source.queue_url)
    results: list[RedriveResult] = []
    with Interrupt() as interrupt:
        try:
            try:
                failures = chosen(queue.receive(limit), numbers or [])
            except IndexError as error:
                raise UsageError(f"there is no number {error}: the queue has {len(queue.held)}") from None
            redrive_one = Redrive(
                queue,
                source.clients.streams(),
                Topic(source.clients.sns(), source.topic_arn),
                source.tables,
                dry_run=dry_run,
                sleep=interrupt.sleep,
            )
            for number, failure in failures:
                if interrupt.asked:
                    break
                results.append(redrive_one(failure))
                sys.stdout.write(f"{number:>4}  {printable(_result_text(results[-1]))}\n")
        except Interrupted:
            pass  # between two tries of a topic that takes nothing: this message and later ones stay
        finally:
            queue.release()
    _print_totals(results, len(failures))
    if interrupt.asked:
        return INTERRUPTED
    return DONE if all(each.outcome in _PUBLISHED for each in results) else FAILED


@dataclass(frozen=True, slots=True)
class _Source:
    """The queue to read, and the topic to publish to."""

    clients: BotoClients
    queue_url: str
    local: bool
    topic_arn: str | None
    tables: Mapping[TableKind, str]


def _source(queue_url: str | None, topic: str | None = None, tables: Mapping[TableKind, str] | None = None) -> _Source:
    """The queue that is named, else the running demo's. Raises UsageError."""
    from streamer.local.clients import LocalClients
    from streamer.tools.aws import EnvironmentClients, is_local, region_of, running_demo

    if queue_url is not None:
        check_value("--queue-url", queue_url)
        check_value("--topic", topic)
        clients = EnvironmentClients(region_of(topic) if topic else None)
        local = is_local(clients.sqs()) and (topic is None or is_local(clients.sns()))
        return _Source(clients, queue_url, local, topic, tables or {})
    demo = running_demo().resources
    known: dict[TableKind, str] = {"sentiment": demo.sentiment_table, "users": demo.users_table}
    return _Source(LocalClients(demo.endpoint_url), demo.failure_queue_url, True, demo.topic_arn, known)


def _receive(source: _Source, limit: int) -> list[Failure]:
    from streamer.tools.failures.queue import FailureQueueReader

    queue = FailureQueueReader(source.clients.sqs(), source.queue_url)
    try:
        return queue.receive(limit)
    finally:
        queue.release()


def _row(number: int, failure: Failure) -> tuple[str, ...]:
    seq = failure.first or "?"
    if failure.records > 1:
        seq = f"{seq} … ({failure.records} records)"
    return (
        str(number), failure.when, failure.reason, failure.table or "?", failure.shard or "-", seq, _keys(failure)
    )  # fmt: skip


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


def _result_text(result: RedriveResult) -> str:
    failure = result.failure
    name = _keys(failure) if failure.keys else f"seq {failure.first or '?'}"
    return f"{result.outcome}: {name}: {result.reason}"


def _print_totals(results: Sequence[RedriveResult], wanted: int) -> None:
    outcomes = [each.outcome for each in results]
    parts = [f"{outcomes.count(outcome)} {outcome}" for outcome in dict.fromkeys(outcomes)]
    parts += [f"{wanted - len(results)} not done"] if len(results) < wanted else []
    kept = len(results) < wanted or any(outcome not in _PUBLISHED for outcome in outcomes)
    end = "; what was not published is still in the queue" if kept else ""
    sys.stdout.write(f"{', '.join(parts) or 'the failure queue is empty'}{end}\n")
