"""A stream record in the format of a Lambda event. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html#events-sample-dynamodb
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class StreamRecord:
    """One change of one item."""

    seq: str
    """The sequence number: a string of digits, compared as an integer. Empty if the record has none."""
    created_at: int
    """Time of the write in Unix seconds, rounded down."""
    value: Mapping[str, Any]
    """The record as Lambda delivers it. Must not be changed."""


def from_api(wire: Mapping[str, Any], stream_arn: str) -> StreamRecord:
    """Converts a record of boto3's `get_records`. Raises KeyError or TypeError if it is malformed."""
    stream = dict(wire["dynamodb"])
    written: datetime = stream["ApproximateCreationDateTime"]
    # DynamoDB returns whole seconds, moto microseconds.
    stream["ApproximateCreationDateTime"] = created_at = int(written.timestamp())
    record = {
        "eventID": wire["eventID"],
        "eventName": wire["eventName"],
        "eventVersion": wire["eventVersion"],
        "eventSource": wire["eventSource"],
        "awsRegion": wire["awsRegion"],
        "dynamodb": stream,
        "eventSourceARN": stream_arn,
    }
    identity = wire.get("userIdentity")
    if identity:
        # GetRecords capitalizes these names, Lambda does not.
        record["userIdentity"] = {"type": identity["Type"], "principalId": identity["PrincipalId"]}
    return StreamRecord(stream["SequenceNumber"], created_at, json.loads(json.dumps(record, default=_binary)))


def to_event(records: Sequence[StreamRecord]) -> dict[str, Any]:
    """Returns the handler's event. It is a copy, so that a handler cannot change the event of a retry."""
    event: dict[str, Any] = json.loads(json.dumps({"Records": [record.value for record in records]}))
    return event


def sequence_number(text: object) -> int | None:
    """Parses a sequence number; None if the value is not one."""
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 128 else None


def _binary(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"a stream record has a value of type {type(value).__name__}")
