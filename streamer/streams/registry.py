"""The open streams of this container: writes to them, and closes them."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from streamer.hub.frame import Frame, FrameKind
from streamer.hub.group import Group
from streamer.hub.hub import Hub
from streamer.hub.resume import before
from streamer.sse.events import ClosingReason
from streamer.streams.announcements import Announcements
from streamer.streams.due import CalendarQueue
from streamer.streams.stream import OpenStream, StreamState
from streamer.streams.timing import Timing
from streamer.telemetry.counters import Counters

logger = logging.getLogger(__name__)

_ID: Final = re.compile(rb"id: ([!-~]+)\n")


class Registry:
    """Used in the event loop only. An exception of a stream's sink ends that stream and is not raised to the caller."""

    def __init__(
        self,
        hub: Hub[OpenStream],
        counters: Counters,
        announcements: Announcements,
        timing: Timing,
        clock: Callable[[], float],
    ) -> None:
        self.streams: set[OpenStream] = set()
        self.blocked: set[OpenStream] = set()
        """Streams whose write buffer was not empty at the last check."""
        self.closing: set[OpenStream] = set()
        # Ticks shorter than the interval of the sweep, so that they hardly add to its delay: in Lambda there is little
        # time for `closing`.
        self.due: CalendarQueue[OpenStream] = CalendarQueue(timing.sweep / 5, clock())
        self._hub = hub
        self._counters = counters
        self._announcements = announcements
        self._timing = timing
        self._clock = clock

    @property
    def unsent_bytes(self) -> int:
        """Bytes in the write buffers. A sink that fails counts nothing; it fails again at its next write."""
        total = 0
        for stream in self.blocked | self.closing:
            with suppress(Exception):
                total += stream.sink.pending()
        return total

    def schedule_check(self, stream: OpenStream) -> None:
        """Schedules the next check of the stream by the sweep."""
        moment = min(stream.ends_at, stream.written_at + stream.ping_after)
        self.due.schedule(min(moment, stream.heartbeat_at) if stream.state is StreamState.LIVE else moment, stream)

    def write(self, stream: OpenStream, data: bytes, events: int, now: float) -> None:
        """Writes to this stream only."""
        stream.record_write(events, len(data), now)
        self._counters.add("events_delivered", events)
        self._counters.add("bytes_delivered", len(data))
        try:
            stream.sink.write(data)
        except Exception as error:
            self.fail(stream, error)

    def write_groups(self, routed: list[tuple[Group[OpenStream], list[Frame]]], now: float) -> None:
        """Writes its frames to every stream of each group: joined once for all groups that share a list of frames. The
        inner loop is the only work that an event causes per stream."""
        last: list[Frame] | None = None
        data, events, delivered, written = b"", 0, 0, 0
        failed: list[tuple[OpenStream, Exception]] = []
        for group, frames in routed:
            if group.own_places:
                last, data = None, b"".join([self._hub.encode(frame, group.filter) for frame in frames])
                events = _events(frames)
            elif frames is not last:
                last, data = frames, b"".join([frame.data for frame in frames])
                events = _events(frames)
            group.record_write(events, len(data), now)
            delivered += events * len(group)
            written += len(data) * len(group)
            for stream in group:
                try:
                    stream.sink.write(data)
                except Exception as error:
                    failed.append((stream, error))
        self._counters.add("events_delivered", delivered)
        self._counters.add("bytes_delivered", written)
        for stream, reason in failed:  # after the loop, because `fail` removes the stream from the group
            self.fail(stream, reason)

    def close(self, stream: OpenStream, reason: ClosingReason, *, discard: bool = False) -> None:
        """Sends `closing` after the queued bytes; with `discard` the queued bytes are dropped. Flush first."""
        place = stream.place
        if stream.state is StreamState.LIVE:
            place = str(self._hub.place(stream.filter))
        self._hub.leave(stream.filter, stream)
        stream.close(reason, self._clock())
        self.closing.add(stream)
        try:
            dropped = stream.sink.discard() if discard else b""
            if dropped:
                match = _ID.match(dropped)  # none: `connected` or `reset`, before which the client's own id is right
                place = None if match is None else str(before(match[1].decode(), self._hub.history))
            stream.sink.close(self._announcements.closing(reason, place))
        except Exception as error:
            self.fail(stream, error)

    def close_slow(self, stream: OpenStream) -> None:
        """Drops the queued bytes and sends `closing`. The client receives the dropped events when it resumes."""
        self._counters.add("streams_slow")
        self.close(stream, "slow", discard=True)

    def slow_streams(self) -> list[OpenStream]:
        """Returns the live streams with more than `timing.slow_bytes` queued."""
        found: list[OpenStream] = []
        for stream in list(self.blocked):
            try:
                if stream.state is StreamState.LIVE and stream.sink.pending() > self._timing.slow_bytes:
                    found.append(stream)
            except Exception as error:
                self.fail(stream, error)
        return found

    def fail(self, stream: OpenStream, error: Exception) -> None:
        """Logs the exception and aborts the stream. The other streams are not affected."""
        if stream.state is StreamState.ENDED:  # logged already
            return
        self.forget(stream)
        logger.error("a stream failed and was aborted", exc_info=error, extra={"connection_id": stream.connection_id})
        with suppress(Exception):  # the sink may be broken
            stream.sink.abort()

    def forget(self, stream: OpenStream) -> None:
        """Removes a stream whose request has ended. A second call does nothing."""
        stream.sink.on_blocked = stream.sink.on_drained = None
        self._hub.leave(stream.filter, stream)
        stream.end()
        self.streams.discard(stream)
        self.blocked.discard(stream)
        self.closing.discard(stream)
        self.due.cancel(stream)


def _events(frames: list[Frame]) -> int:
    return len([frame for frame in frames if frame.kind is not FrameKind.CONTROL])
