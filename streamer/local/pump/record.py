"""A record of GetRecords, as boto3 gives it, in the shape in which Lambda hands it over. Pure.

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
class Record:
    """One change of one item."""

    seq: str
    """Its sequence number: digits, to be compared as an integer."""
    created_at: int
    """When it was written: Unix seconds, rounded down."""
    text: str
    """Lambda's record as JSON text: what crosses a border is text, so no handler can change what it is given again."""


def to_record(wire: Mapping[str, Any], stream_arn: str) -> Record:
    """Converts a record of boto3's `get_records`.

    Raises KeyError or TypeError for what is no stream record: that is an emulator's bug, not an event.
    """
    stream = dict(wire["dynamodb"])
    written: datetime = stream["ApproximateCreationDateTime"]
    # DynamoDB gives whole seconds, moto microseconds.
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
        # Lambda spells these small, GetRecords large.
        record["userIdentity"] = {"type": identity["Type"], "principalId": identity["PrincipalId"]}
    return Record(stream["SequenceNumber"], created_at, json.dumps(record, default=_binary))


def to_event(records: Sequence[Record]) -> dict[str, Any]:
    """A new event, as the handler's argument."""
    return {"Records": [json.loads(record.text) for record in records]}


def _binary(value: object) -> str:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    raise TypeError(f"a stream record holds a {type(value).__name__}")
