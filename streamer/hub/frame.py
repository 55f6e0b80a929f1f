"""One encoded event with its number in the run's sequence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamer.change import Key


class FrameKind(Enum):
    """What decides who gets a frame."""

    SENTIMENT = "sentiment"
    METRICS = "metrics"
    CONTROL = "control"
    """Heartbeats: everybody."""


@dataclass(slots=True, eq=False)
class Frame:
    """Bytes as they go over the wire, encoded once for everyone."""

    number: int
    kind: FrameKind
    ticker: str | None
    data: bytes
    time_ms: int = 0
    """Its place's time: up to when everything was proven when it was made."""
    key: Key | None = None
    """The item that it tells of."""
    dated_ms: int = 0
    """When its change was relayed, or learnt by a query."""
    repeatable: bool = False
    """It tells a state that another write may make again without anybody seeing a difference: a withdrawal, or an
    update without `updated_at`."""
    superseded: bool = False
    """A later one tells of the same item and ticker."""

    def at(self, place: str) -> bytes:
        """Its bytes with another place."""
        return b"id: %b\n%b" % (place.encode(), self.data[self.data.index(b"\n") + 1 :])
