"""The targets of a replay: the running demo, a topic, a table, or a dry run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ingest_relay.failures import FailureQueue
from ingest_relay.publish import Topic
from streamer.local.clients import LocalClients
from streamer.tools.aws import EnvironmentClients, is_local, region_of, running_demo
from streamer.tools.relay import FailureSink, LocalRelay, MessageSink, RelayResult, TableKind
from streamer.tools.replay.table import TableWriter
from streamer.tools.terminal.printable import printable_json

_SHOWN: Final = "written to standard error, as lines of JSON"

Send = Callable[[Sequence[Mapping[str, Any]]], RelayResult]


@dataclass(frozen=True, slots=True)
class Target:
    """Receives batches of records."""

    where: str
    """Its name, used after "into"."""
    local: bool
    """Whether it is on this machine."""
    send: Send
    failures: str
    """Where records go that cannot be relayed, for the summary."""
    tables: Mapping[TableKind, str]
    """Names of the target's tables."""
    publishes: bool = True
    """Whether it publishes changes; otherwise it writes items."""
    notes: Callable[[], list[str]] = field(default=list)
    """Returns additional lines of the summary."""


def demo(sleep: Callable[[float], None]) -> Target:
    """The topic of the running demo, through the relay. Raises UsageError if no demo runs."""
    found = running_demo()
    resources = found.resources
    clients = LocalClients(resources.endpoint_url)
    tables: dict[TableKind, str] = {"sentiment": resources.sentiment_table, "users": resources.users_table}
    topic = Topic(clients.sns(), resources.topic_arn)
    relay = LocalRelay(topic, FailureQueue(clients.sqs(), resources.failure_queue_url), tables, sleep=sleep)
    failures = f"kept in {_name(resources.failure_queue_url)}; see `streamer failures list`"
    return Target(f"the demo at {found.base_url}", True, relay.send, failures, tables)


def topic(arn: str, queue_url: str | None, tables: Mapping[TableKind, str], sleep: Callable[[float], None]) -> Target:
    """A topic, through the relay. `queue_url`: the failure queue; None: standard error."""
    clients = EnvironmentClients(region_of("--topic", arn))
    sns = clients.sns()
    queue = FailureQueue(clients.sqs(), queue_url) if queue_url else FailureSink(to_stderr)
    relay = LocalRelay(Topic(sns, arn), queue, tables, sleep=sleep)
    failures = f"kept in {_name(queue_url)}" if queue_url else _SHOWN
    return Target(f"the topic {arn}", is_local(sns), relay.send, failures, tables)


def table(name: str, tables: Mapping[TableKind, str]) -> Target:
    """A table, item by item. Raises UsageError if it does not exist."""
    dynamodb = EnvironmentClients().dynamodb()
    writer = TableWriter(dynamodb, name)

    def notes() -> list[str]:
        skipped = f"{writer.skipped:,} records of other tables or TTL deletions were skipped"
        return [*([skipped] if writer.skipped else []), *(f"refused: {reason}" for reason in writer.refused)]

    where = f"the table {name} in {dynamodb.meta.region_name}"
    return Target(where, is_local(dynamodb), writer.send, "named below", tables, False, notes)


def dry(tables: Mapping[TableKind, str], show: Callable[[str], None]) -> Target:
    """Passes messages to `show` and failure records to standard error. Changes nothing."""
    relay = LocalRelay(MessageSink(show), FailureSink(to_stderr), tables)
    return Target("nothing (dry run)", True, relay.send, _SHOWN, tables)


def to_stderr(text: str) -> None:
    sys.stderr.write(f"{printable_json(text, sys.stderr.encoding)}\n")


def _name(queue_url: str) -> str:
    return f"the queue {queue_url.rpartition('/')[2]}"
