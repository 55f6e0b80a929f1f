"""One client's stream, as delivery sees it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from streamer.hub.filters import Filter
from streamer.hub.group import Group
from streamer.hub.resume import Start
from streamer.sse.events import ClosingReason
from streamer.streams.sink import Sink


class StreamState(enum.Enum):
    """Where a stream is.

        replaying ◄──► live ──► closing ──► ended
            └────────────────────▲            ▲
            └──────── from any of them ───────┘

    Replaying: it is sent the history after its cursor. Live: it is in a group of the hub. Closing: it has been sent
    `closing`. Ended: its request is over.
    """

    REPLAYING = enum.auto()
    LIVE = enum.auto()
    CLOSING = enum.auto()
    ENDED = enum.auto()


@dataclass(slots=True, eq=False)
class OpenStream:
    """Mutable state of one stream; times are the monotonic clock's seconds."""

    connection_id: str
    wanted: Filter
    sink: Sink
    replayed: int
    start: Start
    """Where it began."""
    opened_at: float
    ends_at: float
    heartbeat_at: float
    silence: float
    """Seconds after which a comment shows that it is alive."""
    ends_for: ClosingReason = "lifetime"
    """Why it will end at `ends_at`."""
    state: StreamState = StreamState.REPLAYING
    cursor: int = 0
    """While it is replaying: the frame it has reached."""
    came_ms: int = 0
    """The time that the last frame of each item in the history may claim; 0: the frame's own."""
    closed_for: ClosingReason | None = None
    closed_at: float = 0.0
    due: int | None = None
    _group: Group[OpenStream] | None = None
    _events: int = 0
    """Its own; while it is in a group, less what the group had been sent when it joined."""
    _bytes: int = 0
    _written_at: float = 0.0

    def __post_init__(self) -> None:
        self.cursor, self.came_ms = self.start.cursor, self.start.came_ms

    @property
    def is_open(self) -> bool:
        """Whether it may be sent more."""
        return self.state is StreamState.LIVE or self.state is StreamState.REPLAYING

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
        """Counts what only this stream was sent."""
        self._events += events
        self._bytes += size
        self._written_at = now

    def go_live(self, group: Group[OpenStream]) -> None:
        """Replaying to live: from now on it gets what the group gets."""
        self.state = StreamState.LIVE
        self._group = group
        self._events -= group.events
        self._bytes -= group.bytes

    def replay(self, start: Start) -> None:
        """To replaying, from another start. Whoever calls takes it out of the hub's group."""
        self._leave_group()
        self.state, self.start = StreamState.REPLAYING, start
        self.cursor, self.came_ms = start.cursor, start.came_ms

    def close(self, reason: ClosingReason, now: float) -> None:
        """To closing. Whoever calls takes it out of the hub's group."""
        self._leave_group()
        self.state, self.closed_for, self.closed_at = StreamState.CLOSING, reason, now

    def end(self) -> None:
        """To ended. Whoever calls takes it out of the hub's group."""
        self._leave_group()
        self.state = StreamState.ENDED

    def _leave_group(self) -> None:
        if self._group is not None:
            self._events, self._bytes, self._written_at = self.events, self.bytes, self.written_at
            self._group = None
