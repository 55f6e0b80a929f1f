"""Reads the messages of the relay's failure queue.

The queue has two kinds of messages: failure records of the relay (one record with its keys and allow-listed attributes)
and Lambda's messages to an on-failure destination (the position of a batch in its stream, without its content).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from streamer.change import iso_time, parse_time

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_BATCH: Final = 10
"""Maximum number of messages in one request."""
_VISIBILITY_TIMEOUT: Final = 120
"""Seconds; `release` ends it earlier."""
_MAX_EMPTY: Final = 2
"""Consecutive empty responses that end the read. One is not enough: a short poll queries only some of SQS's servers."""
_EXPIRED_CODES: Final = ("MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue")
"""Error codes for a receipt handle whose visibility timeout has expired; SQS and emulators use different ones."""
_TABLE: Final = re.compile(r":table/([^/]+)/stream/")


@dataclass(frozen=True, slots=True)
class Failure:
    """One message of the queue, parsed as far as possible."""

    id: str
    receipt: str
    body: str
    failed_at_ms: int
    """Time of the failure; if the message has none, the time when it was sent to the queue."""
    reason: str
    """`undecodable`, `too_large` or `unknown_table`; for Lambda's messages the condition; else `foreign`."""
    error: str
    table: str | None = None
    stream_arn: str | None = None
    shard: str | None = None
    first: str | None = None
    """Sequence number of the first record."""
    last: str | None = None
    """Sequence number of the last record."""
    records: int = 1
    keys: Mapping[str, Any] | None = None
    event_id: str | None = None

    @property
    def when(self) -> str:
        """`failed_at_ms` as ISO 8601."""
        return iso_time(self.failed_at_ms)


class FailureQueueReader:
    """Reads one failure queue. `held`: messages that were received and not released."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self.held: dict[str, Failure] = {}

    def receive(self, limit: int) -> list[Failure]:
        """Returns up to `limit` messages, oldest first. They are hidden from other receivers until `release`, for up
        to 2 minutes.

        Raises botocore's exceptions.
        """
        empty = 0
        while len(self.held) < limit and empty < _MAX_EMPTY:
            response = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(_BATCH, limit - len(self.held)),
                VisibilityTimeout=_VISIBILITY_TIMEOUT,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = response.get("Messages", ())
            empty = 0 if messages else empty + 1
            for message in messages:
                sent_ms = int(message.get("Attributes", {}).get("SentTimestamp", "0"))
                found = parse_failure(message["MessageId"], message["ReceiptHandle"], message["Body"], sent_ms)
                self.held[found.id] = found
        return sorted(self.held.values(), key=_age)

    def release(self) -> None:
        """Makes the held messages visible again."""
        held = list(self.held.values())
        for start in range(0, len(held), _BATCH):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(at), "ReceiptHandle": each.receipt, "VisibilityTimeout": 0}
                    for at, each in enumerate(held[start : start + _BATCH])
                ],
            )
        self.held.clear()

    def extend(self, failure: Failure) -> bool:
        """Hides a message for two more minutes. Returns False if its visibility timeout has expired."""
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=failure.receipt, VisibilityTimeout=_VISIBILITY_TIMEOUT
            )
        except ClientError as error:
            return self._expired(failure, error)
        return True

    def delete(self, failure: Failure) -> bool:
        """Deletes a message. Returns False if its visibility timeout has expired; then the message stays."""
        try:
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=failure.receipt)
        except ClientError as error:
            return self._expired(failure, error)
        self.held.pop(failure.id, None)
        return True

    def _expired(self, failure: Failure, error: ClientError) -> bool:
        if str(error.response.get("Error", {}).get("Code")).rpartition(".")[2] not in _EXPIRED_CODES:
            raise error
        self.held.pop(failure.id, None)
        return False


def parse_failure(message_id: str, receipt: str, body: str, sent_ms: int) -> Failure:
    """Parses one message. Other messages get the reason `foreign`."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    match value:
        case {"v": 1, "reason": str(reason), "error": str(error), **members}:
            failed_at, seq = members.get("failed_at"), _text(members.get("seq"))
            return Failure(
                message_id,
                receipt,
                body,
                failed_at if isinstance(failed_at, int) and 0 <= failed_at < 253_402_300_800_000 else sent_ms,
                reason,
                error,
                table=_text(members.get("table")),
                stream_arn=_text(members.get("stream_arn")),
                shard=_text(members.get("shard")),
                first=seq,
                last=seq,
                keys=keys if isinstance(keys := members.get("keys"), dict) else None,
                event_id=_text(members.get("event_id")),
            )
        case {
            "requestContext": {"condition": str(condition), **request},
            "DDBStreamBatchInfo": {"streamArn": str(arn), "shardId": str(shard), **batch},
        }:
            named = _TABLE.search(arn)
            return Failure(
                message_id,
                receipt,
                body,
                parse_time(str(value.get("timestamp"))) or sent_ms,
                condition,
                f"Lambda discarded the batch after {request.get('approximateInvokeCount', '?')} calls",
                table=named[1] if named else None,
                stream_arn=arn,
                shard=shard,
                first=_text(batch.get("startSequenceNumber")),
                last=_text(batch.get("endSequenceNumber")),
                records=size if isinstance(size := batch.get("batchSize"), int) else 1,
            )
        case _:
            return Failure(message_id, receipt, body, sent_ms, "foreign", "not a message of the relay or of Lambda")


def _age(failure: Failure) -> tuple[int, int, str]:
    """Sort key. Failures of the same time are sorted by sequence number."""
    seq = failure.first or ""
    return failure.failed_at_ms, int(seq) if seq.isascii() and seq.isdigit() and len(seq) <= 128 else 0, failure.id


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
