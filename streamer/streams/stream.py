"""One client's stream: its filter, its state, and what it was sent."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from streamer.hub.filters import Filter
from streamer.hub.group import Group
from streamer.hub.resume import Start
from streamer.sse.events import ClosingReason
from streamer.streams.sink import Sink


class StreamState(enum.Enum):
    """The states of a stream.

        replaying ◄──► live ──► closing ──► ended
            └────────────────────▲            ▲
            └─────── from every state ────────┘

    Replaying: the stream is sent the history after its cursor. Live: the stream is in a group of the hub. Closing:
    `closing` was queued; the stream is sent nothing more. Ended: the request is over.
    """

    REPLAYING = enum.auto()
    LIVE = enum.auto()
    CLOSING = enum.auto()
    ENDED = enum.auto()


@dataclass(slots=True, eq=False)
class OpenStream:
    """Mutable state of one stream. Times are seconds of the monotonic clock."""

    connection_id: str
    filter: Filter
    sink: Sink
    replayed: int
    """Number of events that were replayed at the start."""
    start: Start
    opened_at: float
    ends_at: float
    heartbeat_at: float
    ping_after: float
    """Seconds without a write after which a ping (a comment) is sent."""
    end_reason: ClosingReason = "lifetime"
    """Reason for `closing` at `ends_at`."""
    state: StreamState = StreamState.REPLAYING
    cursor: int = 0
    """Number of the last replayed frame."""
    resume_time_ms: int = 0
    """Time in the id with which the client resumed: replayed ids must not go back behind it (`Hub.sent_again`). 0: each
    frame keeps its own time."""
    place: str | None = None
    """The id of the last frame that was written to this stream only, or the one with which the client came; None: there
    is none from which the client misses nothing. A live stream has the hub's place."""
    close_reason: ClosingReason | None = None
    closed_at: float = 0.0
    due: int | None = None
    """Tick of the calendar queue at which the sweep checks the stream."""
    _group: Group[OpenStream] | None = None
    _events: int = 0
    """Events written to this stream only, minus the events that its group had been sent when the stream joined."""
    _bytes: int = 0
    _written_at: float = 0.0

    def __post_init__(self) -> None:
        self.cursor, self.resume_time_ms = self.start.cursor, self.start.came_ms

    @property
    def is_open(self) -> bool:
        """Whether more frames may be written."""
        return self.state is StreamState.LIVE or self.state is StreamState.REPLAYING

    @property
    def events(self) -> int:
        """Number of sentiment and metrics events written."""
        return self._events + (0 if self._group is None else self._group.events)

    @property
    def bytes(self) -> int:
        """Number of bytes of frames written."""
        return self._bytes + (0 if self._group is None else self._group.bytes)

    @property
    def written_at(self) -> float:
        """Time of the last write."""
        return self._written_at if self._group is None else max(self._written_at, self._group.written_at)

    def record_write(self, events: int, size: int, now: float) -> None:
        """Counts a write to this stream only; writes to its group are counted by the group."""
        self._events += events
        self._bytes += size
        self._written_at = now

    def go_live(self, group: Group[OpenStream]) -> None:
        """Changes the state to live. The stream has joined `group` in the hub."""
        self.state = StreamState.LIVE
        self._group = group
        self._events -= group.events
        self._bytes -= group.bytes

    def replay(self, start: Start) -> None:
        """Changes the state to replaying. The caller removes the stream from its group in the hub."""
        self._leave_group()
        self.state, self.start = StreamState.REPLAYING, start
        self.cursor, self.resume_time_ms = start.cursor, start.came_ms

    def close(self, reason: ClosingReason, now: float) -> None:
        """Changes the state to closing. The caller removes the stream from its group in the hub."""
        self._leave_group()
        self.state, self.close_reason, self.closed_at = StreamState.CLOSING, reason, now

    def end(self) -> None:
        """Changes the state to ended. The caller removes the stream from its group in the hub."""
        self._leave_group()
        self.state = StreamState.ENDED

    def _leave_group(self) -> None:
        if self._group is not None:
            self._events, self._bytes, self._written_at = self.events, self.bytes, self.written_at
            self._group = None
