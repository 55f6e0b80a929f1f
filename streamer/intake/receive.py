"""Messages out of our queue: one long poll at a time, and what has been handed over deleted.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from streamer.aws.errors import call_errors, describe_call, is_missing_queue
from streamer.errors import LeaseLost, PoisonMessage, StreamerError
from streamer.intake.decode import Batch, Canary, decode

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

MOST: Final = 10
"""Messages that SQS hands out, or deletes, in one call."""
SETTLING: Final = 10_000
"""Milliseconds in which a new queue may still be unknown to a part of SQS (the API's own words: a second)."""


class ReceiveError(StreamerError):
    """The queue could not be read or cleared this time; worth trying again."""


@dataclass(frozen=True, slots=True)
class QueueMessage:
    """One message as the queue handed it out."""

    id: str
    receipt: str
    """What deletes it; good until the visibility timeout has passed."""
    body: str
    received_at_ms: int
    sent_at_ms: int | None
    """When SQS took it, by SQS's clock."""
    receive_count: int
    """1 the first time."""


class Decoded(NamedTuple):
    """A message and what it holds."""

    message: QueueMessage
    content: Batch | Canary | PoisonMessage


class Receiver:
    """Reads one queue. Its methods block: for a worker."""

    def __init__(
        self,
        sqs: SQSClient,
        queue_url: str,
        *,
        wait_seconds: int,
        now: Callable[[], int],
    ) -> None:
        """`wait_seconds`: how long a receive waits for the first message. `now`: Unix milliseconds."""
        self._sqs = sqs
        self._queue_url = queue_url
        self._wait_seconds = wait_seconds
        self._now = now
        self._made_at = now()
        self._settled = False
        self._well = False

    def receive(self) -> tuple[QueueMessage, ...]:
        """Waits for messages, at most ten, and returns none if none came.

        The first poll, and the first after an error, does not wait: it is there to learn whether the queue answers.
        Raises LeaseLost if the queue is gone, ReceiveError otherwise.
        """
        wait_seconds = self._wait_seconds if self._well else 0
        self._well = False
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self._queue_url,
                MaxNumberOfMessages=MOST,
                WaitTimeSeconds=wait_seconds,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
        except call_errors() as error:
            raise self._mapped("sqs:ReceiveMessage", error) from error
        self._well = self._settled = True
        received_at = self._now()
        return tuple(_message(entry, received_at) for entry in answer.get("Messages", ()))

    def delete(self, messages: Sequence[QueueMessage]) -> int:
        """Deletes messages and returns how many could not be: they come again, and whoever has them knows them.

        Raises LeaseLost if the queue is gone, ReceiveError if a whole call failed.
        """
        failed = 0
        for start in range(0, len(messages), MOST):
            some = messages[start : start + MOST]
            try:
                answer = self._sqs.delete_message_batch(
                    QueueUrl=self._queue_url,
                    Entries=[{"Id": str(index), "ReceiptHandle": one.receipt} for index, one in enumerate(some)],
                )
            except call_errors() as error:
                self._well = False
                raise self._mapped("sqs:DeleteMessageBatch", error) from error
            refused = answer.get("Failed", [])
            if refused:
                failed += len(refused)
                logger.warning(
                    "messages not deleted",
                    extra={
                        "count": len(refused),
                        "message_ids": [some[int(entry["Id"])].id for entry in refused],
                        "errors": sorted({entry["Code"] for entry in refused}),
                    },
                )
        return failed

    def _mapped(self, action: str, error: Exception) -> StreamerError:
        words = describe_call(action, error)
        if is_missing_queue(error) and (self._settled or self._now() - self._made_at > SETTLING):
            return LeaseLost(words)
        return ReceiveError(words)


def decode_message(message: QueueMessage, sentiment_table: str, users_table: str | None) -> Decoded:
    """Decodes one message; a bug of ours in that is poison like any other, and logged."""
    try:
        return Decoded(message, decode(message.body, sentiment_table, users_table))
    except PoisonMessage as poison:
        return Decoded(message, poison)
    except Exception as bug:
        # Ours, not the message's; but let through it would bring the message, and all that came with it, again.
        logger.exception("decoding failed", extra={"message_id": message.id})
        return Decoded(message, PoisonMessage("bug", type(bug).__name__))


def _message(entry: Mapping[str, Any], received_at: int) -> QueueMessage:
    attributes = entry.get("Attributes", {})
    return QueueMessage(
        id=entry["MessageId"],
        receipt=entry["ReceiptHandle"],
        body=entry["Body"],
        received_at_ms=received_at,
        sent_at_ms=_whole(attributes.get("SentTimestamp")),
        receive_count=_whole(attributes.get("ApproximateReceiveCount")) or 1,
    )


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() else None
