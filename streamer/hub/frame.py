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
    time_ms: int = 0
    """Its place's time: up to when everything was proven when it was made."""
    nameless: bool = False
    """It tells a state that another write may make again without anybody seeing a difference: a withdrawal, or an
    update without `updated_at`."""

    def without_id(self) -> bytes:
        """Its bytes, without the first line, which is its id."""
        return self.data[self.data.index(b"\n") + 1 :]
