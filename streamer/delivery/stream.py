"""One client's stream, as delivery sees it."""

from __future__ import annotations

from dataclasses import dataclass

from streamer.delivery.sink import Sink
from streamer.hub.filters import Filter
from streamer.hub.group import Group
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
    silence: float
    """Seconds after which a comment shows that it is alive."""
    ends_for: ClosingReason = "lifetime"
    """Why it will end at `ends_at`."""
    closed_for: ClosingReason | None = None
    closed_at: float = 0.0
    due: int | None = None
    """See Timed."""
    _group: Group[Stream] | None = None
    _events: int = 0
    """Its own; while it is in a group, less what the group had been told when it joined."""
    _bytes: int = 0
    _written_at: float = 0.0

    @property
    def events(self) -> int:
        """Sentiment and metrics events written."""
        return self._events + (0 if self._group is None else self._group.events)

    @property
    def bytes(self) -> int:
        """Bytes of frames written."""
        return self._bytes + (0 if self._group is None else self._group.bytes)

    @property
    def written_at(self) -> float:
        """When something was last written."""
        return self._written_at if self._group is None else max(self._written_at, self._group.told_at)

    def wrote(self, events: int, size: int, now: float) -> None:
        """Counts what it alone got."""
        self._events += events
        self._bytes += size
        self._written_at = now

    def joined(self, group: Group[Stream]) -> None:
        """From now on it gets what the group gets."""
        self._group = group
        self._events -= group.events
        self._bytes -= group.bytes

    def left(self) -> None:
        """It gets nothing of a group any more; leaving twice is nothing."""
        if self._group is not None:
            self._events, self._bytes, self._written_at = self.events, self.bytes, self.written_at
            self._group = None
