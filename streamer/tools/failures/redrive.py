"""Publishes the records of a failure queue again after a fix."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import ClientError

from ingest_relay.publish import Topic
from streamer.event_source.lookup import RecordLookup, RecordRange, RecordsUnavailable
from streamer.event_source.record import sequence_number
from streamer.tools.failures.queue import Failure, FailureQueueReader
from streamer.tools.relay import FailureSink, LocalRelay, MessageSink, TableKind
from streamer.tools.terminal.errors import describe
from streamer.tools.terminal.quantities import count_text

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

_BATCH: Final = 100
_LONGEST_NUMBER: Final = 9
"""Digits of a number of the list; DynamoDB's sequence numbers have 21 or more."""

RedriveOutcome = Literal["published", "could be published", "still fails", "beyond reach", "not taken", "refused"]


@dataclass(frozen=True, slots=True)
class RedriveResult:
    """The result for one message of the failure queue. Only a `published` message is deleted."""

    failure: Failure
    outcome: RedriveOutcome
    reason: str


class Redrive:
    """Reads the records of a message from their stream, relays them, and deletes the message."""

    def __init__(
        self,
        queue: FailureQueueReader,
        streams: DynamoDBStreamsClient,
        topic: Topic,
        tables: Mapping[TableKind, str],
        *,
        dry_run: bool,
        sleep: Callable[[float], None],
    ) -> None:
        self._queue = queue
        self._lookup = RecordLookup(streams)
        self._dry_run = dry_run
        self._errors: list[str] = []
        # FailureSink: a record that fails again must not become a second message, because the first one stays.
        topic = MessageSink(lambda _: None) if dry_run else topic
        self._relay = LocalRelay(topic, FailureSink(self._add_error), tables, sleep=sleep)

    def __call__(self, failure: Failure) -> RedriveResult:
        """Redrives one message. `refused`: AWS refused a request for this message, which stays; another message can
        have another stream or shard. Raises botocore's exceptions for what would fail for each message."""
        try:
            return self._redrive(failure)
        except ClientError as error:
            return RedriveResult(failure, "refused", describe(error) or str(error))

    def _redrive(self, failure: Failure) -> RedriveResult:
        try:
            records = self._find(failure)
        except RecordsUnavailable as error:
            return RedriveResult(failure, "beyond reach", str(error))
        if not self._dry_run and not self._queue.extend(failure):
            return RedriveResult(failure, "not taken", "the message's visibility timeout expired; try again")
        self._errors.clear()
        for start in range(0, len(records), _BATCH):
            refusal = self._relay.send(records[start : start + _BATCH]).error
            if refusal:
                return RedriveResult(failure, "not taken", refusal)
        if self._errors:
            return RedriveResult(failure, "still fails", self._errors[0])
        if failure.first != failure.last and len(records) < failure.records:
            reason = (
                f"{failure.records - len(records)} of {failure.records} records were trimmed; the others were found"
            )
            return RedriveResult(failure, "beyond reach", reason)
        count = count_text(len(records), "record")
        if self._dry_run:
            return RedriveResult(failure, "could be published", count)
        if not self._queue.delete(failure):
            count += "; the message is still in the queue, because its visibility timeout expired"
        return RedriveResult(failure, "published", count)

    def _find(self, failure: Failure) -> list[Mapping[str, Any]]:
        first, last = failure.first, failure.last
        if failure.stream_arn is None or sequence_number(first) is None or sequence_number(last) is None:
            raise RecordsUnavailable("the message has no stream and sequence number")
        records = self._lookup.find(RecordRange(failure.stream_arn, str(first), str(last), failure.shard))
        if failure.event_id and failure.records == 1 and records[0].get("eventID") != failure.event_id:
            raise RecordsUnavailable(
                "another record has this sequence number, because the table was deleted and created again"
            )
        return records

    def _add_error(self, text: str) -> None:
        record = json.loads(text)
        self._errors.append(f"{record['reason']}: {record['error']}")


def chosen(failures: Sequence[Failure], given: Sequence[str]) -> list[tuple[int, Failure]]:
    """Returns the numbered failures that `given` names; all if it is empty. Raises KeyError with the text that names
    none.

    A text is a number of the list, from 1, or the sequence number of a first record as the list shows it. Sequence
    numbers are longer than any list, and also match without their leading zeros.
    """
    wanted: set[int] = set()
    for text in given:
        seq = sequence_number(text.strip())
        if seq is None:
            raise KeyError(text)
        numbers = {at for at, each in enumerate(failures, 1) if sequence_number(each.first) == seq and _is_long(text)}
        if not numbers and 1 <= seq <= len(failures):
            numbers = {seq}
        if not numbers:
            raise KeyError(text)
        wanted |= numbers
    return [(number, failures[number - 1]) for number in (sorted(wanted) or range(1, len(failures) + 1))]


def _is_long(text: str) -> bool:
    return len(text.strip()) > _LONGEST_NUMBER
