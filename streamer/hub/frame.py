"""One encoded event with its number in the run's sequence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Kind(Enum):
    """What decides who gets a frame."""

    SENTIMENT = "sentiment"
    METRICS = "metrics"
    CONTROL = "control"
    """Heartbeats: everybody."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Bytes as they go over the wire, encoded once for everyone."""

    number: int
    kind: Kind
    ticker: str | None
    data: bytes
