"""One encoded event with its number in the run's sequence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from streamer.change import Key


class FrameKind(Enum):
    """Decides which streams get a frame."""

    SENTIMENT = "sentiment"
    METRICS = "metrics"
    CONTROL = "control"
    """Heartbeats, for every stream."""


@dataclass(slots=True, eq=False)
class Frame:
    """Bytes of the wire format, encoded once for all streams."""

    number: int
    kind: FrameKind
    ticker: str | None
    data: bytes
    time_ms: int = 0
    """Time of its place: the watermark when the frame was created."""
    key: Key | None = None
    """The item whose change it reports."""
    dated_ms: int = 0
    """Time (Unix milliseconds) at which the relay published the change, or a query found it."""
    repeatable: bool = False
    """Whether a later write can restore exactly this state: true for a withdrawal, and for an update without
    `updated_at`."""
    superseded: bool = False
    """Whether a later frame reports the same item and ticker."""

    def at(self, place: str) -> bytes:
        """Returns its bytes with another place."""
        return b"id: %b\n%b" % (place.encode(), self.data[self.data.index(b"\n") + 1 :])
