"""Records that come from elsewhere than a stream, through the relay's own code: what `replay` and `redrive` do.

The event source mapping's part is here: batches in order, and again from where the relay says.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from ingest_relay.failures import FailureQueue, SqsClient
from ingest_relay.publish import SnsClient, Topic
from ingest_relay.record import SENTIMENT, USERS, Allowed
from ingest_relay.relay import FailureQueueError, Relay

if TYPE_CHECKING:
    from ingest_relay.relay import Outcome

Kind = Literal["sentiment", "users"]

_ALLOWED: Final[dict[Kind, Allowed]] = {"sentiment": SENTIMENT, "users": USERS}
_ATTEMPTS: Final = 5
"""Calls that may fail with the same record in front. Lambda goes on for hours; here somebody waits."""
_LONGEST_WAIT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Relayed:
    """What became of one batch."""

    done: int = 0
    """How many of its records, from the first on, were published or given to the failure queue."""
    changes: int = 0
    """How many changes were published."""
    messages: int = 0
    failures: int = 0
    """How many records went to the failure queue."""
    error: str | None = None
    """Why the batch is not done; None if it is."""


class Relaying:
    """One relay that is called as an event source mapping would call it."""

    def __init__(
        self,
        sns: SnsClient,
        topic_arn: str,
        sqs: SqsClient,
        failure_queue_url: str,
        tables: Mapping[Kind, str],
        *,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """`tables`: the names that the relay knows the tables by."""
        allowed = {name: _ALLOWED[kind] for kind, name in tables.items()}
        self._relay = Relay(Topic(sns, topic_arn), FailureQueue(sqs, failure_queue_url), allowed)
        self._sleep = sleep

    def send(self, records: Sequence[Mapping[str, Any]]) -> Relayed:
        """Relays one batch of records in Lambda's shape, and again what was not taken, five times at most."""
        left, attempts, sum_ = list(records), 0, Relayed()
        while True:
            try:
                outcome = self._relay.relay(left)
            except FailureQueueError as error:
                return replace(sum_, done=len(records) - len(left), error=str(error))
            sum_ = _added(sum_, outcome)
            if outcome.resume_at is None:
                return replace(sum_, done=len(records))
            at = _position(left, outcome.resume_at)
            left, attempts = left[at:], 1 if at else attempts + 1
            if attempts >= _ATTEMPTS:
                return replace(sum_, done=len(records) - len(left), error=outcome.error)
            self._sleep(min(_LONGEST_WAIT, 0.1 * 2**attempts))


class Kept:
    """A failure queue that gives each failure record's text to a function, in place of SQS."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - boto3's spelling
        Entries: Sequence[Any],  # noqa: N803 - boto3's spelling
    ) -> Mapping[str, Any]:
        """Takes everything."""
        for entry in Entries:
            self._take(entry["MessageBody"])
        return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


class Shown:
    """A topic that gives each message's text to a function, in place of SNS."""

    def __init__(self, take: Callable[[str], None]) -> None:
        self._take = take

    def publish(self, *, TopicArn: str, Message: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's spelling
        """Takes one."""
        self._take(Message)
        return {}

    def publish_batch(
        self,
        *,
        TopicArn: str,  # noqa: N803 - boto3's spelling
        PublishBatchRequestEntries: Sequence[Any],  # noqa: N803 - boto3's spelling
    ) -> Mapping[str, Any]:
        """Takes everything."""
        for entry in PublishBatchRequestEntries:
            self._take(entry["Message"])
        return {"Successful": [{"Id": entry["Id"]} for entry in PublishBatchRequestEntries]}


def kind_of(record: Mapping[str, Any]) -> Kind | None:
    """Which of our tables a record is of, by the names of its keys: in a recording the table may be called anything."""
    keys = _object(_object(record.get("dynamodb")).get("Keys"))
    for kind, allowed in _ALLOWED.items():
        if set(keys) == set(allowed.keys):
            return kind
    return None


def visible(record: Mapping[str, Any]) -> dict[str, Any]:
    """The record without what may not leave its table: keys and allow-listed attributes; of a strange table, keys."""
    kind = kind_of(record)
    body = dict(_object(record.get("dynamodb")))
    names = {*_object(body.get("Keys")), *(_ALLOWED[kind].attributes if kind else ())}
    for which in ("NewImage", "OldImage"):
        if which in body:
            body[which] = {name: value for name, value in _object(body[which]).items() if name in names}
    return {**record, "dynamodb": body}


def _added(sum_: Relayed, outcome: Outcome) -> Relayed:
    return replace(
        sum_,
        changes=sum_.changes + outcome.changes,
        messages=sum_.messages + outcome.messages,
        failures=sum_.failures + outcome.failures,
    )


def _position(records: Sequence[Mapping[str, Any]], seq: str) -> int:
    """Where to go on: at the first record with this number, as with every at-least-once delivery."""
    return next(
        (at for at, one in enumerate(records) if _object(one.get("dynamodb")).get("SequenceNumber") == seq),
        0,
    )


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
