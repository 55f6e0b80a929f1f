"""The periodic check of streams: sends heartbeats and pings, ends expired streams, and closes slow clients."""

from __future__ import annotations

from typing import Final

from streamer.hub.hub import Hub
from streamer.sse.encode import PING
from streamer.sse.events import Heartbeat
from streamer.streams.announcements import Announcements
from streamer.streams.registry import Registry
from streamer.streams.stream import OpenStream, StreamState
from streamer.streams.timing import Timing

_CLOSE_GRACE: Final = 5.0
"""Seconds without progress after which a closing stream is aborted."""
_CLOSE_TIMEOUT: Final = 30.0
"""Seconds after which a closing stream is aborted even if its client still reads."""


class Sweep:
    """Checks the streams that are blocked, closing, or due. An exception of one stream ends that stream only."""

    def __init__(self, hub: Hub[OpenStream], registry: Registry, announcements: Announcements, timing: Timing) -> None:
        self._hub = hub
        self._registry = registry
        self._announcements = announcements
        self._timing = timing

    def run(self, now: float) -> None:
        """Called every `timing.sweep` seconds, after a flush. `now`: seconds of the monotonic clock."""
        registry = self._registry
        for stream in list(registry.blocked):
            try:
                self._check_blocked(stream, now)
            except Exception as error:
                registry.fail(stream, error)
        for stream in list(registry.closing):
            try:
                self._check_closing(stream, now)
            except Exception as error:
                registry.fail(stream, error)
        heartbeat: bytes | None = None
        for stream in registry.due.take(now):
            if stream.is_open:
                try:
                    heartbeat = self._check_due(stream, now, heartbeat)
                except Exception as error:
                    registry.fail(stream, error)

    def _check_blocked(self, stream: OpenStream, now: float) -> None:
        blocked = stream.sink.blocked_since()
        if blocked is None and not stream.sink.pending():
            self._registry.blocked.discard(stream)
        elif blocked is not None and stream.is_open and now - blocked > self._timing.slow_seconds:
            self._registry.close_slow(stream)

    def _check_closing(self, stream: OpenStream, now: float) -> None:
        blocked = stream.sink.blocked_since()
        stuck = blocked is not None and now - max(blocked, stream.closed_at) > _CLOSE_GRACE
        if stuck or now - stream.closed_at > _CLOSE_TIMEOUT:
            stream.sink.abort()

    def _check_due(self, stream: OpenStream, now: float, heartbeat: bytes | None) -> bytes | None:
        """`heartbeat`: the frame of this sweep, which all streams share; None if it was not created yet. Returns it."""
        registry = self._registry
        if now >= stream.ends_at:
            registry.close(stream, stream.end_reason)
            return heartbeat
        if stream.state is StreamState.LIVE and now >= stream.heartbeat_at:
            if stream.sink.pending() > self._timing.slow_bytes:
                registry.close_slow(stream)
                return heartbeat
            stream.heartbeat_at = now + self._timing.heartbeat
            if stream.filter.configuration is not None:
                registry.write(stream, self._hub.stamp(self._heartbeat(), stream.filter), 0, now)
            else:
                heartbeat = heartbeat or self._hub.stamp(self._heartbeat())
                registry.write(stream, heartbeat, 0, now)
        elif now - stream.written_at >= stream.ping_after and not stream.sink.pending():
            registry.write(stream, PING, 0, now)
        if stream.is_open:
            registry.schedule_check(stream)
        return heartbeat

    def _heartbeat(self) -> Heartbeat:
        return self._announcements.heartbeat(len(self._registry.streams))
