"""Answers of an index that lags: a Query on `by_sentiment` as it would have been answered some seconds ago. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamer.change import Key
from streamer.local.provision import VISIBLE
from tests.chaos.writes import Write, attributes, visible

INDEX: Final = "by_sentiment"
_NAMES: Final = ("source_id", "timestamp", "sentiment", *VISIBLE)
_EQUALS: Final = re.compile(r"\(?\s*(#?\w+)\s*=\s*(:\w+)\s*\)?")
_COMPARES: Final = re.compile(r"\(?\s*(#?\w+)\s*(>=|<=|>|<)\s*(:\w+)\s*\)?")
_BETWEEN: Final = re.compile(r"\(?\s*(#?\w+)\s+BETWEEN\s+(:\w+)\s+AND\s+(:\w+)\s*\)?", re.IGNORECASE)


class Unreadable(ValueError):
    """A query that is not understood here."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a query wants."""

    label: str
    least: str = ""
    most: str = "\U0010ffff"
    without_least: bool = False
    without_most: bool = False

    def wants(self, label: str, timestamp: str) -> bool:
        """Whether an item belongs into the answer."""
        above = timestamp > self.least if self.without_least else timestamp >= self.least
        below = timestamp < self.most if self.without_most else timestamp <= self.most
        return label == self.label and above and below


def read(request: Mapping[str, Any]) -> Asked | None:
    """Reads a Query's request; None if it is none of the index. Raises Unreadable."""
    if request.get("IndexName") != INDEX:
        return None
    if request.get("FilterExpression"):
        raise Unreadable(f"filtered: {request}")
    names, values = request.get("ExpressionAttributeNames", {}), request.get("ExpressionAttributeValues", {})
    rest = str(request.get("KeyConditionExpression", ""))
    asked: dict[str, Any] = {}
    for pattern in (_BETWEEN, _EQUALS, _COMPARES):
        for match in pattern.finditer(rest):
            name = names.get(match[1], match[1])
            value = [values[part]["S"] for part in match.groups()[1:] if part.startswith(":")]
            if pattern is _BETWEEN and name == "timestamp":
                asked |= {"least": value[0], "most": value[1]}
            elif pattern is _EQUALS and name == "sentiment":
                asked["label"] = value[0]
            elif pattern is _COMPARES and name == "timestamp":
                side = "least" if match[2].startswith(">") else "most"
                asked |= {side: value[0], f"without_{side}": len(match[2]) == 1}
            else:
                raise Unreadable(f"a condition on {name}: {request}")
        rest = pattern.sub("", rest)
    if "label" not in asked or re.sub(r"\bAND\b", "", rest, flags=re.IGNORECASE).strip(" ()"):
        raise Unreadable(f"not understood: {request}")
    return Asked(**asked)


def answer(
    request: Mapping[str, Any], asked: Asked, items: Mapping[Key, Sequence[Write]], now: float, lag: float
) -> dict[str, Any]:
    """The Query's answer, each item as it was up to `lag` seconds before `now`: each has a lag of its own, as there."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for key, writes in items.items():
        seen = now - lag * _share(key)
        known = [write for write in writes if write.ended <= seen]
        if known and (state := known[-1].state) is not None and asked.wants(state.label, key.timestamp):
            found.append((key.timestamp, key.source_id, visible(attributes(key, state), _projected(request))))
    forward = request.get("ScanIndexForward", True)
    found.sort(key=lambda entry: entry[:2], reverse=not forward)
    if start := request.get("ExclusiveStartKey"):
        last = start["timestamp"]["S"], start["source_id"]["S"]
        found = [entry for entry in found if (entry[:2] > last if forward else entry[:2] < last)]
    limit = request.get("Limit") or len(found)
    page = [item for *_, item in found[:limit]]
    said: dict[str, Any] = {"Count": len(page), "ScannedCount": len(page)}
    if request.get("Select") != "COUNT":
        said["Items"] = page
    if len(found) > limit:
        timestamp, source_id, _ = found[limit - 1]
        keys = {"source_id": source_id, "timestamp": timestamp, "sentiment": asked.label}
        said["LastEvaluatedKey"] = {name: {"S": value} for name, value in keys.items()}
    return said


def _share(key: Key) -> float:
    """How much of the lag this item has: the same at each query, so that none goes back in time."""
    return zlib.crc32(f"{key.source_id} {key.timestamp}".encode()) / 0xFFFFFFFF


def _projected(request: Mapping[str, Any]) -> tuple[str, ...]:
    wanted = request.get("ProjectionExpression")
    if not wanted:
        return _NAMES
    names = request.get("ExpressionAttributeNames", {})
    return tuple(names.get(name.strip(), name.strip()) for name in str(wanted).split(","))
