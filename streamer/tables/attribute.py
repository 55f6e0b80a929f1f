"""Converts an attribute value of DynamoDB's API, such as `{"N": "0.82"}`, to the plain value of a change record.

An item must have the same values by push and by query, otherwise its versions would differ. So this is the conversion
of the relay (numbers with all digits, sets as lists, binary as base64 text) followed by the JSON decoding of a message.
Format: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from decimal import Decimal
from typing import Any


def plain(item: Mapping[str, Mapping[str, Any]]) -> dict[str, object]:
    """Returns the item's attributes as plain values."""
    return {name: _value(value) for name, value in item.items()}


def _value(value: Mapping[str, Any]) -> object:
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL" | "SS":
            return content
        case "N":
            return Decimal(content)
        case "L":
            return [_value(member) for member in content]
        case "NULL":
            return None
        case "NS":
            return [Decimal(member) for member in content]
        case "B":
            return base64.b64encode(content).decode("ascii")
        case "BS":
            return [base64.b64encode(member).decode("ascii") for member in content]
        case _:
            return {name: _value(member) for name, member in content.items()}
