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
from streamer.tools.terminal.errors import (
    DONE,
    FAILED,
    INTERRUPTED,
    UsageError,
    check_table,
    check_value,
    reports_errors,
)
from streamer.tools.terminal.help import AWS, epilog
from streamer.tools.terminal.printable import printable
from streamer.tools.terminal.table import print_table

if TYPE_CHECKING:
    from streamer.local.clients import BotoClients
    from streamer.tools.failures.queue import Failure
    from streamer.tools.failures.redrive import RedriveResult
    from streamer.tools.relay import TableKind

_LIMIT: Final = 1000
_PUBLISHED: Final = ("published", "could be published")
"""Outcomes of messages that need no further attempt."""

QueueUrl = Annotated[
    str | None, typer.Option(envvar="FAILURE_QUEUE_URL", metavar="URL", help="default: the queue of the running demo")
]
Limit = Annotated[int, typer.Option(min=1, help="read at most this many messages")]
AsJson = Annotated[bool, typer.Option("--json", help="one JSON object a line")]
Number = Annotated[int, typer.Argument(min=1, metavar="N", help="number of the message in `streamer failures list`")]
Numbers = Annotated[
    list[str] | None,
    typer.Argument(metavar="[N…]", help="only these messages of the list, by number or by sequence number (seq)"),
]
TopicArn = Annotated[
    str | None,
    typer.Option(envvar="CHANGES_TOPIC_ARN", metavar="ARN", help="publish to this topic; requires --queue-url"),
]
SentimentTable = Annotated[str, typer.Option(envvar="SENTIMENT_TABLE", help="sentiment table of the relay")]
UsersTable = Annotated[str, typer.Option(envvar="USERS_TABLE", help="users table of the relay")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="only read the records; do not publish or delete")]
Yes = Annotated[bool, typer.Option("--yes", help="do not ask before changing a real account")]


def register(app: typer.Typer) -> None:
    group = typer.Typer(
        no_args_is_help=True,
        help="Lists the records that the relay could not publish, and publishes them again after a fix.",
    )
    read = ("FAILURE_QUEUE_URL", *AWS)
    for name, run, environment, examples in (
        ("list", list_, read, ("streamer failures list", "streamer failures list --json | jq .reason")),
        ("show", show, read, ("streamer failures show 1",)),
        (
            "redrive",
            redrive,
            ("FAILURE_QUEUE_URL", "CHANGES_TOPIC_ARN", "SENTIMENT_TABLE", "USERS_TABLE", *AWS),
            ("streamer failures redrive --dry-run", "streamer failures redrive 2 5"),
        ),
    ):
        group.command(name, epilog=epilog(*examples, environment=environment))(reports_errors("failures")(run))
    app.add_typer(group, name="failures")


def list_(
    queue_url: QueueUrl = None,
    limit: Limit = _LIMIT,
    as_json: AsJson = False,
) -> int:
    """Lists the messages of the queue, oldest first. The messages stay in the queue.

    The messages are hidden from other receivers during the command. It counts as a receive, so a redrive policy of the queue can move them.

    Exit codes: 0 listed; 1 the queue cannot be read; 2 invalid usage.
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
    """Shows the content of one message.

    Exit codes: 0 shown; 1 the queue cannot be read; 2 invalid usage, or unknown number.
    """
    found = _receive(_source(queue_url), limit)
    if number > len(found):
        raise _unknown_number(number, len(found))
    body = found[number - 1].body
    with suppress(ValueError, RecursionError):  # a body that is not JSON is shown unchanged
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
    """Publishes failed records again. Reads the records from their stream, which keeps them for 24 hours, relays them with the installed version of the relay (install the fix first), and deletes the messages.

    Messages whose records still fail or cannot be read, or for which AWS refuses a request, stay in the queue and are listed with the reason; the command goes on with the next one. A newer state of an item is not overwritten, because receivers compare sequence numbers.

    Exit codes: 0 all published; 1 some were not published; 2 invalid usage; 130 stopped by Ctrl-C.
    """  # noqa: E501 - Typer keeps a paragraph's line ends
    from ingest_relay.publish import Topic
    from streamer.tools.failures.queue import FailureQueueReader
    from streamer.tools.failures.redrive import Redrive, chosen
    from streamer.tools.terminal.interrupt import Interrupt, Interrupted

    if topic is not None and queue_url is None:
        raise UsageError("--topic (CHANGES_TOPIC_ARN): requires --queue-url; give both, or neither")
    check_table("--sentiment-table (SENTIMENT_TABLE)", sentiment_table)
    check_table("--users-table (USERS_TABLE)", users_table)
    source = _source(queue_url, topic, {"sentiment": sentiment_table, "users": users_table})
    if source.topic_arn is None:
        raise UsageError("--queue-url: requires --topic; give the topic to publish to")
    if not (source.local or dry_run or yes):
        confirm(
            f"Publish the failed records of {source.queue_url} to {source.topic_arn} again?",
            options="--yes, or use --dry-run",
            declined="nothing was published",
        )
    for name in ("ingest_relay", "streamer.event_source"):  # the results include the logged errors
        logging.getLogger(name).addHandler(logging.NullHandler())
    queue = FailureQueueReader(source.clients.sqs(), source.queue_url)
    results: list[RedriveResult] = []
    with Interrupt() as interrupt:
        try:
            try:
                failures = chosen(queue.receive(limit), numbers or [])
            except KeyError as error:
                raise _unknown_number(error.args[0], len(queue.held)) from None
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
            pass  # during the wait before a retry: this message and the later ones stay in the queue
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
    """Returns the given queue, or the queue of the running demo if `queue_url` is None. Raises UsageError."""
    from streamer.local.clients import LocalClients
    from streamer.tools.aws import EnvironmentClients, is_local, region_of, running_demo

    if queue_url is not None:
        check_value("--queue-url", queue_url)
        check_value("--topic", topic)
        clients = EnvironmentClients(region_of("--topic", topic) if topic else None)
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


def _unknown_number(number: int | str, count: int) -> UsageError:
    return UsageError(f"N={number}: no such message; the queue has {count}")


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
    end = "; the other messages are still in the queue" if kept else ""
    sys.stdout.write(f"{', '.join(parts) or 'the failure queue is empty'}{end}\n")
