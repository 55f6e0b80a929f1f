"""What Lambda sends to an on-failure destination: where the records were, not what was in them. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
"""

from __future__ import annotations

import json
from datetime import UTC, datetime

from streamer.local.pump.checkpoint import Discard
from streamer.local.pump.invocation import Invocation


def discard_message(
    discard: Discard, invocation: Invocation, *, stream_arn: str, shard_id: str, raised: bool, now: float
) -> str:
    """The message after `invocation`, which `raised` or returned the failures. `now`: Unix seconds."""
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
