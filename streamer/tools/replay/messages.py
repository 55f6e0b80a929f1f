"""Converts change record messages back to stream records. Pure.

The stream records lack attributes that the relay omitted, and have lists and strings in place of sets and binary. The
relay makes the same message of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

_TTL: Final = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}


class _Number(str):
    """A JSON number as text, with every digit."""

    __slots__ = ()


def parse(text: str) -> Any:
    """Parses JSON for `to_records`; keeps numbers as text. Raises ValueError or RecursionError."""
    return json.loads(text, parse_float=_Number, parse_int=_Number)


def is_message(value: object) -> bool:
    """Returns whether a value, parsed by `parse` or by json, looks like a message of changes or a canary."""
    return isinstance(value, dict) and value.get("v") in (1, "1") and ("changes" in value or "canary" in value)


def to_records(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the records of a message from `parse`; none for a canary. Raises ValueError if it is malformed."""
    changes = message.get("changes", [])
    if not isinstance(changes, list):
        raise ValueError("changes is not an array")
    return [_record(change, number) for number, change in enumerate(changes)]


def _record(change: Any, number: int) -> dict[str, Any]:
    match change:
        case {"op": str(op), "table": str(table), "keys": dict(keys), "seq": str(seq), "committed_at": _Number() as at}:
            pass
        case _:
            raise ValueError(f"change {number} lacks one of op, table, keys, seq, committed_at")
    body: dict[str, Any] = {"ApproximateCreationDateTime": int(float(at)), "Keys": _attributes(keys)}
    for image, name in (("NewImage", "new"), ("OldImage", "old")):
        if isinstance(values := change.get(name), dict):
            body[image] = body["Keys"] | _attributes(values)
    body |= {"SequenceNumber": seq, "StreamViewType": "NEW_AND_OLD_IMAGES"}
    record = {
        "eventID": "",
        "eventName": op,
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": body,
        "eventSourceARN": f"arn:aws:dynamodb:us-east-1:000000000000:table/{table}/stream/recorded",
    }
    return record | ({"userIdentity": _TTL} if change.get("ttl") is True else {})


def _attributes(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _attribute(value) for name, value in values.items()}


def _attribute(value: object) -> dict[str, Any]:
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case _Number():
            return {"N": str(value)}
        case str():
            return {"S": value}
        case list():
            return {"L": [_attribute(each) for each in value]}
        case dict():
            return {"M": _attributes(value)}
        case _:
            raise ValueError(f"a {type(value).__name__} is not an attribute")
