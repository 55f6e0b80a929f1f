"""One client's stream, as delivery sees it."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.delivery.sink import Sink
from streamer.hub.filters import Filter
from streamer.hub.resume import Start
from streamer.sse.events import ClosingReason


@dataclass(slots=True, eq=False)
class Stream:
    """Mutable state of one stream; times are the monotonic clock's seconds."""

    connection_id: str
    wanted: Filter
    sink: Sink
    replayed: int
    cursor: int | None
    """While the history is sent: the frame it has reached. None: live."""
    start: Start
    """Where it began."""
    came_ms: int
    """The time that last words of the history may claim; 0: their own."""
    opened_at: float
    ends_at: float
    heartbeat_at: float
    written_at: float
    ends_for: ClosingReason = "lifetime"
    """Why it will end at `ends_at`."""
    closed_for: ClosingReason | None = None
    closed_at: float = 0.0
    events: int = 0
    """Sentiment and metrics events written."""
    bytes: int = 0
