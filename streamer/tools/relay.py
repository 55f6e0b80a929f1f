"""The relay's own code for records that do not come from a stream: what `replay` and `failures redrive` call."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from ingest_relay.delivery import Delivery
from ingest_relay.failures import FailureQueue
from ingest_relay.publish import Topic
from ingest_relay.record import SENTIMENT, USERS, Allowed
from ingest_relay.relay import FailureQueueError, Relay
from streamer.event_source.checkpoint import Backlog, RetryPolicy, after_response, count_done
from streamer.event_source.record import StreamRecord

TableKind = Literal["sentiment", "users"]

_ALLOWED: Final[dict[TableKind, Allowed]] = {"sentiment": SENTIMENT, "users": USERS}
_POLICY: Final = RetryPolicy(max_attempts=5, first_wait=0.2)
"""Lambda retries for hours; here a person waits."""


@dataclass(frozen=True, slots=True)
class RelayResult:
    """What became of one batch."""

    done: int = 0
    """How many records from the start of the batch were published or sent to the failure queue."""
    changes: int = 0
    """How many changes were published."""
    messages: int = 0
    failures: int = 0
    """How many records went to the failure queue."""
    error: str | None = None
    """Why the batch is not done; None if it is."""


class LocalRelay:
    """A relay in this process, with the retries of an event source mapping."""

    def __init__(
        self,
        topic: Topic,
        failure_queue: FailureQueue,
        tables: Mapping[TableKind, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`tables`: the names that the relay knows the tables by."""
        self._relay = Relay(topic, failure_queue, {name: _ALLOWED[kind] for kind, name in tables.items()})
        self._sleep = sleep

    def send(self, records: Sequence[Mapping[str, Any]]) -> RelayResult:
        """Relays one batch of records in Lambda's shape; retries what was not taken, five times at most."""
        backlog = Backlog(tuple(_stream_record(each) for each in records), len(records))
        result = RelayResult()
        while backlog.records:
            try:
                outcome = self._relay.relay([each.value for each in backlog.batch])
            except FailureQueueError as error:
                return replace(result, done=len(records) - len(backlog.records), error=str(error))
            result = replace(
                result,
                changes=result.changes + outcome.changes,
                messages=result.messages + outcome.messages,
                failures=result.failures + outcome.failures,
            )
            step = after_response(backlog, count_done(outcome.response, backlog.batch), 0.0, _POLICY)
            if step.discard is not None:
                return replace(result, done=len(records) - len(step.discard.records), error=outcome.error)
            backlog = step.backlog
            if step.wait:
                self._sleep(step.wait)
        return replace(result, done=len(records))


class MessageSink(Topic):
    """A topic that passes the text of each message to a function."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def publish(self, texts: Sequence[str]) -> Delivery:
        """Accepts every text."""
        return _deliver(texts, self._take)


class FailureSink(FailureQueue):
    """A failure queue that passes the text of each failure record to a function."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def send(self, texts: Sequence[str]) -> Delivery:
        """Accepts every text."""
        return _deliver(texts, self._take)


def _deliver(texts: Sequence[str], take: Callable[[str], None]) -> Delivery:
    for text in texts:
        take(text)
    return Delivery(len(texts), 1)


def table_kind(record: Mapping[str, Any]) -> TableKind | None:
    """Which of our tables a record is from, by the names of its keys: in a recording the table can have any name."""
    keys = _object(_object(record.get("dynamodb")).get("Keys"))
    for kind, allowed in _ALLOWED.items():
        if set(keys) == set(allowed.keys):
            return kind
    return None


def visible_part(record: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a record that may leave its table: keys and allow-listed attributes; of another table, the keys."""
    kind = table_kind(record)
    body = dict(_object(record.get("dynamodb")))
    names = {*_object(body.get("Keys")), *(_ALLOWED[kind].attributes if kind else ())}
    for which in ("NewImage", "OldImage"):
        if which in body:
            body[which] = {name: value for name, value in _object(body[which]).items() if name in names}
    return {**record, "dynamodb": body}


def _stream_record(record: Mapping[str, Any]) -> StreamRecord:
    seq = _object(record.get("dynamodb")).get("SequenceNumber")
    return StreamRecord(seq if isinstance(seq, str) else "", 0, record)


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
