"""What lands in the relay's failure queue, read without taking it away.

Two kinds of messages do: the relay's own failure records (one record, with its keys and allow-listed attributes), and
what Lambda tells an on-failure destination (where a batch of records was, not what was in it).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from streamer.change import iso_time, parse_time

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

MOST: Final = 10
"""Messages in one call."""
HIDDEN: Final = 120
"""Seconds for which a message that is looked at is nobody else's; given back as soon as the look is over."""
_EMPTY: Final = 2
"""Empty answers in a row after which a queue counts as read: a short poll asks a part of SQS's servers only."""
_EXPIRED: Final = ("MessageNotInflight", "ReceiptHandleIsInvalid", "InvalidParameterValue")
"""What SQS says, by its version, of a receipt whose time is over."""
_TABLE: Final = re.compile(r":table/([^/]+)/stream/")


@dataclass(frozen=True, slots=True)
class Failure:
    """One message of the queue, understood as far as it can be."""

    id: str
    receipt: str
    body: str
    failed_at_ms: int
    """By its own words, else when SQS took it."""
    reason: str
    """`undecodable`, `too_large`, `unknown_table`; Lambda's condition; `foreign` for what is neither."""
    error: str
    table: str | None = None
    stream_arn: str | None = None
    shard: str | None = None
    first: str | None = None
    """The sequence number, or the first of several."""
    last: str | None = None
    records: int = 1
    keys: Mapping[str, Any] | None = None
    event_id: str | None = None

    @property
    def when(self) -> str:
        """As ISO 8601."""
        return iso_time(self.failed_at_ms)


class DeadLetters:
    """One failure queue. `held` are the messages that are ours until `give_back`."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self.held: dict[str, Failure] = {}

    def look(self, most: int) -> list[Failure]:
        """Up to `most` messages, oldest first. They stay hidden from others until `give_back`, 2 min at most.

        Raises botocore's exceptions.
        """
        empty = 0
        while len(self.held) < most and empty < _EMPTY:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=min(MOST, most - len(self.held)),
                VisibilityTimeout=HIDDEN,
                MessageSystemAttributeNames=["SentTimestamp"],
            )
            messages = answer.get("Messages", ())
            empty = 0 if messages else empty + 1
            for message in messages:
                sent_ms = int(message.get("Attributes", {}).get("SentTimestamp", "0"))
                found = understood(message["MessageId"], message["ReceiptHandle"], message["Body"], sent_ms)
                self.held[found.id] = found
        return sorted(self.held.values(), key=_age)

    def give_back(self) -> None:
        """Makes what is held visible again, as it was."""
        for some in _tens(list(self.held.values())):
            self._sqs.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(at), "ReceiptHandle": each.receipt, "VisibilityTimeout": 0}
                    for at, each in enumerate(some)
                ],
            )
        self.held.clear()

    def keep(self, failure: Failure) -> bool:
        """Holds a message for two more minutes. False if the two it was held for are over: it may be another's."""
        try:
            self._sqs.change_message_visibility(
                QueueUrl=self._queue_url, ReceiptHandle=failure.receipt, VisibilityTimeout=HIDDEN
            )
        except ClientError as error:
            return self._taken_back(failure, error)
        return True

    def delete(self, failure: Failure) -> bool:
        """Takes a message out for good. False likewise: then it stays."""
        try:
            self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=failure.receipt)
        except ClientError as error:
            return self._taken_back(failure, error)
        self.held.pop(failure.id, None)
        return True

    def _taken_back(self, failure: Failure, error: ClientError) -> bool:
        if str(error.response.get("Error", {}).get("Code")).rpartition(".")[2] not in _EXPIRED:
            raise error
        self.held.pop(failure.id, None)
        return False


def understood(message_id: str, receipt: str, body: str, sent_ms: int) -> Failure:
    """Reads one message; what is neither kind is `foreign`, never an error."""
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
                f"Lambda gave the batch up after {request.get('approximateInvokeCount', '?')} calls",
                table=named[1] if named else None,
                stream_arn=arn,
                shard=shard,
                first=_text(batch.get("startSequenceNumber")),
                last=_text(batch.get("endSequenceNumber")),
                records=size if isinstance(size := batch.get("batchSize"), int) else 1,
            )
        case _:
            return Failure(message_id, receipt, body, sent_ms, "foreign", "neither the relay's nor Lambda's message")


def _age(failure: Failure) -> tuple[int, int, str]:
    """What failed at the same time is in the stream's order."""
    seq = failure.first or ""
    return failure.failed_at_ms, int(seq) if seq.isascii() and seq.isdigit() and len(seq) <= 128 else 0, failure.id


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _tens(failures: Sequence[Failure]) -> Iterator[Sequence[Failure]]:
    for start in range(0, len(failures), MOST):
        yield failures[start : start + MOST]
