"""Builds DynamoDB update expressions. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def update_expression(values: Mapping[str, Any], removed: Sequence[str]) -> dict[str, Any]:
    """Returns arguments of UpdateItem that set serialized `values` and remove attributes. One of them is not empty."""
    names = {f"#{at}": name for at, name in enumerate([*values, *removed])}
    parts = []
    arguments: dict[str, Any] = {"ExpressionAttributeNames": names}
    if values:
        parts.append("SET " + ", ".join(f"#{at} = :{at}" for at in range(len(values))))
        arguments["ExpressionAttributeValues"] = {f":{at}": value for at, value in enumerate(values.values())}
    if removed:
        parts.append("REMOVE " + ", ".join(f"#{at}" for at in range(len(values), len(names))))
    return arguments | {"UpdateExpression": " ".join(parts)}
