"""The on-failure destination: an SQS queue that gets the position of given-up records, not their content.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Protocol

from streamer.event_source.checkpoint import Discard
from streamer.event_source.invocation import Invocation


class QueueClient(Protocol):
    """The call of boto3's `sqs` client that is made here."""

    @property
    def send_message(self) -> Callable[..., Any]:
        """Sends one message."""


class FailureQueue:
    """Sends the metadata of given-up records to a queue."""

    def __init__(self, sqs: QueueClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, message: str) -> None:
        """Raises botocore's exceptions."""
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=message)


def discard_message(
    discard: Discard, invocation: Invocation, *, stream_arn: str, shard_id: str, raised: bool, now: float
) -> str:
    """Lambda's message after `invocation`, which `raised` or returned the failures. `now`: Unix seconds."""
    first, last = discard.records[0], discard.records[-1]
    response: dict[str, object] = {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None}
    if raised:
        response["functionError"] = "Unhandled"
    return json.dumps(
        {
            "requestContext": {
                "requestId": invocation.aws_request_id,
                "functionArn": invocation.invoked_function_arn,
                "condition": discard.condition,
                "approximateInvokeCount": discard.attempts,
            },
            "responseContext": response,
            "version": "1.0",
            "timestamp": _iso(now, "milliseconds"),
            "DDBStreamBatchInfo": {
                "shardId": shard_id,
                "startSequenceNumber": first.seq,
                "endSequenceNumber": last.seq,
                "approximateArrivalOfFirstRecord": _iso(first.created_at, "seconds"),
                "approximateArrivalOfLastRecord": _iso(last.created_at, "seconds"),
                "batchSize": len(discard.records),
                "streamArn": stream_arn,
            },
        }
    )


def _iso(seconds: float, precision: str) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision).replace("+00:00", "Z")
