"""The on-failure destination: an SQS queue that receives the position of discarded records, not their content.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from streamer.change import iso_time
from streamer.event_source.checkpoint import Discard
from streamer.event_source.invocation import Invocation

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class FailureQueue:
    """The queue of an on-failure destination."""

    def __init__(self, sqs: SQSClient, queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url

    def send(self, message: str) -> None:
        """Raises botocore's exceptions."""
        self._sqs.send_message(QueueUrl=self._queue_url, MessageBody=message)


def discard_message(
    discard: Discard, invocation: Invocation, *, stream_arn: str, shard_id: str, raised: bool, now: float
) -> str:
    """Returns Lambda's message about records that were discarded after `invocation`.

    `raised`: whether the handler raised; otherwise it returned failures. `now`: Unix seconds.
    """
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
            "timestamp": iso_time(int(now * 1000)),
            "DDBStreamBatchInfo": {
                "shardId": shard_id,
                "startSequenceNumber": first.seq,
                "endSequenceNumber": last.seq,
                "approximateArrivalOfFirstRecord": _whole_seconds(first.created_at),
                "approximateArrivalOfLastRecord": _whole_seconds(last.created_at),
                "batchSize": len(discard.records),
                "streamArn": stream_arn,
            },
        }
    )


def _whole_seconds(seconds: int) -> str:
    return iso_time(seconds * 1000).replace(".000Z", "Z")
