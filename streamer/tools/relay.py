"""Runs the relay in this process for `replay` and `failures redrive`."""

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
"""Lambda retries for hours. Here a person waits, so there are few attempts."""


@dataclass(frozen=True, slots=True)
class RelayResult:
    """The result of one batch. `changes` and `messages` count what was published."""

    done: int = 0
    """Number of records at the start of the batch that were published or sent to the failure queue."""
    changes: int = 0
    messages: int = 0
    failures: int = 0
    """Number of records that were sent to the failure queue."""
    error: str | None = None
    """Why the rest of the batch is not done; None if the whole batch is done."""


class LocalRelay:
    """A relay with the retries of an event source mapping."""

    def __init__(
        self,
        topic: Topic,
        failure_queue: FailureQueue,
        tables: Mapping[TableKind, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`tables`: the table names in the relay's settings."""
        self._relay = Relay(topic, failure_queue, {name: _ALLOWED[kind] for kind, name in tables.items()})
        self._sleep = sleep

    def send(self, records: Sequence[Mapping[str, Any]]) -> RelayResult:
        """Relays one batch of records in Lambda's format. Makes up to five attempts if the topic refuses a record."""
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
    """A topic that passes each message to a function and accepts it."""

    def __init__(self, on_text: Callable[[str], object]) -> None:
        self._on_text = on_text

    def publish(self, texts: Sequence[str]) -> Delivery:
        return _accept(texts, self._on_text)


class FailureSink(FailureQueue):
    """A failure queue that passes each failure record to a function and accepts it."""

    def __init__(self, on_text: Callable[[str], object]) -> None:
        self._on_text = on_text

    def send(self, texts: Sequence[str]) -> Delivery:
        return _accept(texts, self._on_text)


def _accept(texts: Sequence[str], on_text: Callable[[str], object]) -> Delivery:
    for text in texts:
        on_text(text)
    return Delivery(len(texts), 1)


def table_kind(record: Mapping[str, Any]) -> TableKind | None:
    """Returns the table of a record by the names of its keys, because a recorded table can have any name.

    None if it is neither the sentiment table nor the users table.
    """
    keys = _object(_object(record.get("dynamodb")).get("Keys"))
    for kind, allowed in _ALLOWED.items():
        if set(keys) == set(allowed.keys):
            return kind
    return None


def visible_part(record: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a copy of the record with only keys and allow-listed attributes; if its table is unknown, only keys."""
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
