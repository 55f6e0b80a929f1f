"""Writes what the hub made to the streams that want it.

Order is kept by one rule: whatever writes frames of the hub's sequence to a single stream (the opening, a heartbeat,
the history) flushes first, so that no id is ever ahead of what was queued to that stream.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.delivery.due import Due
from streamer.delivery.mode import Mode
from streamer.delivery.sink import Sink
from streamer.delivery.stream import Stream
from streamer.delivery.timing import Timing
from streamer.hub.filters import Filter
from streamer.hub.frame import Frame, FrameKind
from streamer.hub.group import Group
from streamer.hub.hub import Hub
from streamer.hub.resume import FilterSince, Request, Start
from streamer.sse.encode import PING
from streamer.sse.events import Closing, ClosingReason, Connected, Heartbeat, Reset
from streamer.telemetry.counters import Counters

logger = logging.getLogger(__name__)

_REPLAY_BYTES = 64 * 1024
_CLOSE_GRACE = 5.0
"""Seconds without taking a byte after which a closing stream is cut."""
_CLOSE_AT_MOST = 30.0
"""Seconds that a closing stream has to take its last bytes, as long as it takes some."""


class Delivery:
    """All streams of this container. Not thread-safe: lives in the event loop."""

    def __init__(
        self,
        hub: Hub[Stream],
        counters: Counters,
        mode: Callable[[], Mode],
        timing: Timing,
        *,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_ms,
        randomness: random.Random | None = None,
    ) -> None:
        self.streams: set[Stream] = set()
        self.draining = False
        self.on_flush: Callable[[], None] | None = None
        """Called after each flush: what was published before it is written now."""
        self._hub = hub
        self._counters = counters
        self._mode = mode
        self._timing = timing
        self.clock = clock
        """Monotonic seconds, by which streams are timed."""
        self._now_ms = now_ms
        self._random = randomness or random.SystemRandom()
        self._started = clock()
        self._told_at = float("-inf")
        """When what was published was last flushed for its own sake: heartbeats and metrics make no event wait."""
        self._flush_timer: asyncio.TimerHandle | None = None
        self._metrics_at = float("-inf")
        # Finer than the sweep, which is late enough by itself: in Lambda a goodbye has little time.
        self._due: Due[Stream] = Due(timing.sweep / 5, self._started)
        self._blocked: set[Stream] = set()
        """Whose transport had not taken everything, when it was last looked at."""
        self._closing: set[Stream] = set()

    @property
    def uptime(self) -> float:
        """Seconds since start."""
        return self.clock() - self._started

    def open(
        self,
        sink: Sink,
        wanted: Filter,
        request: Request,
        *,
        since: FilterSince | None = None,
        deadline_ms: int | None = None,
        leave_by_ms: int | None = None,
    ) -> Stream:
        """Begins a stream: `connected`, what it missed, a heartbeat and the metrics, then live, with no step of the
        event loop between the last of the history and the first live frame.

        `since`: where the filter is one that can change (`refilter`). `deadline_ms`: of the ticket that opens it.
        `leave_by_ms`: when its lifetime is over at the latest. Both in Unix milliseconds."""
        now = self.clock()
        start = self._hub.begin(request, self._now_ms(), since)
        stream = Stream(
            connection_id=secrets.token_hex(8),
            wanted=wanted,
            sink=sink,
            start=start,
            came_ms=start.came_ms,
            replayed=self._hub.missed_count(wanted, start),
            cursor=start.cursor,
            opened_at=now,
            ends_at=now if self.draining else now + self._timing.lifetime * self._random.uniform(0.8, 1.0),
            heartbeat_at=now + self._timing.heartbeat * self._random.uniform(0.5, 1.0),
            silence=self._timing.ping * self._random.uniform(0.8, 1.0),
            ends_for="drain" if self.draining else "lifetime",  # it was let in a moment before the drain began
        )
        if leave_by_ms is not None:
            stream.ends_at = min(stream.ends_at, now + (leave_by_ms - self._now_ms()) / 1000)
        if deadline_ms is not None:
            expires_at = now + (deadline_ms - self._now_ms()) / 1000
            if expires_at < stream.ends_at:
                stream.ends_at, stream.ends_for = expires_at, "ticket_expired"
        self.streams.add(stream)
        self._counters.add("streams_opened")
        opening = self._connected(stream)
        if start.resume == "resumed":
            self._counters.add("streams_resumed")
        if start.reason is not None:
            self._counters.add("streams_reset")
            opening += _reset(start, wanted)
        sink.on_blocked = partial(self._blocked.add, stream)
        sink.on_drained = partial(self._continue, stream)
        try:
            self._replay(stream, opening)
        except BaseException:
            self.forget(stream)
            raise
        return stream

    def refilter(self, stream: Stream, wanted: Filter) -> None:
        """Its configuration has other tickers now: `reset`, which names them, and what the history has of them, then
        live. What was published before goes out by the old filter, and nothing of it after the `reset`."""
        if wanted == stream.wanted:
            return
        self.flush()
        if not self._is_open(stream):  # the flush may have found it too slow
            return
        try:
            waiting = stream.sink.pending()
        except Exception as error:
            self._failed(stream, error)
            return
        if waiting > self._timing.slow_bytes:
            self._close_slow(stream)
            return
        self._counters.add("streams_refiltered")
        self._leave(stream)
        stream.wanted = wanted
        stream.start = Start("reset", self._hub.history.evicted_through, "configuration_changed")
        stream.came_ms, stream.cursor = 0, stream.start.cursor
        reset = _reset(stream.start, wanted)
        if waiting:
            # The history follows when the client has taken what waits: change after change adds no more than this.
            self._write(stream, reset, 0, self.clock())
            return
        try:
            self._replay(stream, reset)
        except Exception as error:
            self._failed(stream, error)

    def end(self, stream: Stream, reason: ClosingReason) -> None:
        """Says goodbye to one stream, after what was published for it; ending twice is nothing."""
        self.flush()
        if self._is_open(stream):
            self._close(stream, reason)

    def _is_open(self, stream: Stream) -> bool:
        return stream in self.streams and stream.closed_for is None

    def forget(self, stream: Stream) -> None:
        """The stream's request has ended. Forgetting twice is nothing."""
        stream.sink.on_blocked = stream.sink.on_drained = None
        self._leave(stream)
        self.streams.discard(stream)
        self._blocked.discard(stream)
        self._closing.discard(stream)
        self._due.never(stream)

    def published(self) -> None:
        """Something waits for the next flush: now, unless what was published before went out a moment ago."""
        if self._flush_timer is None:
            wait = self._told_at + self._timing.flush - self.clock()
            if wait <= 0:
                self._flush_published()
            else:
                self._flush_timer = asyncio.get_running_loop().call_later(wait, self._flush_published)

    def _flush_published(self) -> None:
        self._told_at = self.clock()
        self.flush()

    def flush(self) -> None:
        """Writes what waits: one join for each group of equal filters, the same bytes for all its streams."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        frames = self._hub.take_pending()
        if frames:
            self._close_overfull()
            now = self.clock()
            for wanted, group in list(self._hub.groups.items()):
                admitted = [frame for frame in frames if wanted.admits(frame)]
                if admitted:
                    self._tell(group, admitted, now)
        if self.on_flush is not None:
            self.on_flush()

    def announce_mode(self) -> None:
        """Tells every stream at once how events come now."""
        self._hub.announce(self._heartbeat())
        self.flush()

    def sweep(self) -> None:
        """Does what is due: call it every `timing.sweep` seconds."""
        now, now_ms = self.clock(), self._now_ms()
        self._hub.expire(now_ms)
        self._tell_metrics(now, now_ms)
        self.flush()
        for stream in list(self._blocked):
            try:
                self._see_blocked(stream, now)
            except Exception as error:
                self._failed(stream, error)
        for stream in list(self._closing):
            try:
                self._see_closing(stream, now)
            except Exception as error:
                self._failed(stream, error)
        heartbeat: bytes | None = None
        for stream in self._due.take(now):
            if not self._is_open(stream):
                continue
            try:
                heartbeat = self._see_due(stream, now, heartbeat)
            except Exception as error:
                self._failed(stream, error)

    def _see_blocked(self, stream: Stream, now: float) -> None:
        blocked = stream.sink.blocked_since()
        if blocked is None and not stream.sink.pending():
            self._blocked.discard(stream)
        elif blocked is not None and stream.closed_for is None and now - blocked > self._timing.slow_seconds:
            self._close_slow(stream)

    def _see_closing(self, stream: Stream, now: float) -> None:
        blocked = stream.sink.blocked_since()
        stuck = blocked is not None and now - max(blocked, stream.closed_at) > _CLOSE_GRACE
        if stuck or now - stream.closed_at > _CLOSE_AT_MOST:
            stream.sink.abort()

    def _see_due(self, stream: Stream, now: float, heartbeat: bytes | None) -> bytes | None:
        """Returns the heartbeat of this sweep, once it is made: all streams get the same."""
        if now >= stream.ends_at:
            self._close(stream, stream.ends_for)
            return heartbeat
        if stream.cursor is None and now >= stream.heartbeat_at:
            if stream.sink.pending() > self._timing.slow_bytes:
                self._close_slow(stream)
                return heartbeat
            heartbeat = heartbeat or self._hub.stamp(self._heartbeat())
            stream.heartbeat_at = now + self._timing.heartbeat
            self._write(stream, heartbeat, 0, now)
        elif now - stream.written_at >= stream.silence and not stream.sink.pending():
            self._write(stream, PING, 0, now)
        if self._is_open(stream):
            self._attend(stream)
        return heartbeat

    def drain(self, window: float) -> None:
        """Ends all streams with `closing` (drain), spread over so many seconds, the first one now."""
        self.draining = True
        now = self.clock()
        streams = list(self.streams)
        self._random.shuffle(streams)
        for index, stream in enumerate(streams):
            ends_at = now + window * index / len(streams)
            if ends_at < stream.ends_at:
                stream.ends_at, stream.ends_for = ends_at, "drain"
                self._attend(stream)

    def closing(self, reason: ClosingReason) -> Closing:
        """A goodbye whose `retry_ms` is jittered, so that clients do not come back all at once."""
        spread = (10.0, 30.0) if reason == "server_busy" else (0.3, 1.0)
        scale = 1.0 if reason == "server_busy" else self._timing.retry
        return Closing(reason, round(1000 * scale * self._random.uniform(*spread)))

    def _close_slow(self, stream: Stream) -> None:
        """It gets no more than this goodbye; what it does not take now it gets when it comes back with its id."""
        self._counters.add("streams_slow")
        self._close(stream, "slow", discard=True)

    def _close(self, stream: Stream, reason: ClosingReason, *, discard: bool = False) -> None:
        stream.closed_for, stream.closed_at = reason, self.clock()
        self._leave(stream)
        self._closing.add(stream)
        try:
            stream.sink.close(self.closing(reason).frame(), discard=discard)
        except Exception as error:
            self._failed(stream, error)

    def _close_overfull(self) -> None:
        for stream in list(self._blocked):
            live = stream.closed_for is None and stream.cursor is None
            try:
                if live and stream.sink.pending() > self._timing.slow_bytes:
                    self._close_slow(stream)
            except Exception as error:
                self._failed(stream, error)

    def _tell(self, group: Group[Stream], frames: list[Frame], now: float) -> None:
        """The same bytes for every stream of the group. This loop is all that an event costs for each of them."""
        data = b"".join([frame.data for frame in frames])
        events = len([frame for frame in frames if frame.kind is not FrameKind.CONTROL])
        group.told(events, len(data), now)
        self._counters.add("events_delivered", events * len(group))
        self._counters.add("bytes_delivered", len(data) * len(group))
        broken: list[tuple[Stream, Exception]] = []  # they leave the group, so not while it is walked through
        for stream in group:
            try:
                stream.sink.write(data)
            except Exception as error:
                broken.append((stream, error))
        for stream, why in broken:
            self._failed(stream, why)

    def _write(self, stream: Stream, data: bytes, events: int, now: float) -> None:
        stream.wrote(events, len(data), now)
        self._counters.add("events_delivered", events)
        self._counters.add("bytes_delivered", len(data))
        try:
            stream.sink.write(data)
        except Exception as error:
            self._failed(stream, error)

    def _failed(self, stream: Stream, error: Exception) -> None:
        """Cuts a stream that cannot go on; nothing else is told it, and the other streams miss nothing."""
        if stream not in self.streams:  # logged already
            return
        self.forget(stream)
        logger.error("a stream failed and is cut", exc_info=error, extra={"connection_id": stream.connection_id})
        with suppress(Exception):  # of the same cause, as a rule; the request ends by itself
            stream.sink.abort()

    def _leave(self, stream: Stream) -> None:
        self._hub.leave(stream.wanted, stream)
        stream.left()

    def _attend(self, stream: Stream) -> None:
        """Says when the sweep is to look at it next."""
        moment = min(stream.ends_at, stream.written_at + stream.silence)
        self._due.at(moment if stream.cursor is not None else min(moment, stream.heartbeat_at), stream)

    def _continue(self, stream: Stream) -> None:
        """The client took everything so far: on with the history, if it is not through."""
        if stream.cursor is not None and stream.closed_for is None and stream in self.streams:
            self._replay(stream, b"")

    def _replay(self, stream: Stream, opening: bytes) -> None:
        """Writes the next part of the history; at its end the stream is live."""
        self.flush()
        history, cursor = self._hub.history, stream.cursor
        assert cursor is not None, "only a stream that is not live yet has history to come"  # noqa: S101 - a bug, not an input
        chunks = [opening]
        if not history.covers(cursor):
            # Evicted while the client was taking its time: never a silent gap.
            self._counters.add("streams_reset")
            chunks.append(Reset("too_old").frame())
            cursor = history.evicted_through
            stream.start, stream.came_ms = Start("reset", cursor, "too_old"), 0
        size = events = 0
        for frame in self._hub.missed(stream.wanted, stream.start, cursor):
            if size >= _REPLAY_BYTES:
                break
            cursor = frame.number
            if frame.superseded:
                stream.came_ms = 0
            data = self._hub.sent_again(frame, stream.came_ms)
            chunks.append(data)
            size += len(data)
            events += 1
        else:
            cursor = None
            chunks.append(self._hub.stamp(self._heartbeat()))
            if stream.wanted.metrics:
                if not self._metrics_wanted():
                    self._hub.take_window_change()  # everybody who wants them is told with this
                    self._metrics_at = self.clock()
                chunks.append(self._hub.stamp(self._hub.window.metrics(self._now_ms())))
                events += 1
            stream.joined(self._hub.join(stream.wanted, stream))
        stream.cursor = cursor
        self._write(stream, b"".join(chunks), events, self.clock())
        self._attend(stream)

    def _tell_metrics(self, now: float, now_ms: int) -> None:
        since = now - self._metrics_at
        if since < self._timing.metrics or not self._metrics_wanted():
            return
        if self._hub.take_window_change() or since >= self._timing.metrics_idle:
            self._metrics_at = now
            self._hub.announce(self._hub.window.metrics(now_ms), FrameKind.METRICS)

    def _metrics_wanted(self) -> bool:
        return any(wanted.metrics for wanted in self._hub.groups)

    def _connected(self, stream: Stream) -> bytes:
        tickers = stream.wanted.tickers
        retry_ms = round(self._timing.retry * 1000)
        mode = self._mode()
        return Connected(
            connection_id=stream.connection_id,
            tickers=None if tickers is None else tuple(sorted(tickers)),
            resume=stream.start.resume,
            replayed=stream.replayed,
            mode=mode.name,
            mode_reason=mode.reason,
            mode_since=iso_time(mode.since_ms),
            retry_ms=retry_ms,
            heartbeat_seconds=self._timing.heartbeat,
        ).frame(retry_ms=retry_ms)

    def _heartbeat(self) -> Heartbeat:
        mode = self._mode()
        return Heartbeat(
            timestamp=iso_time(self._now_ms()),
            connections=len(self.streams),
            uptime_seconds=int(self.uptime),
            mode=mode.name,
            mode_reason=mode.reason,
            mode_since=iso_time(mode.since_ms),
        )


def _reset(start: Start, wanted: Filter) -> bytes:
    assert start.reason is not None, "only a reset has a reason"  # noqa: S101 - a bug, not an input
    changed = start.reason == "configuration_changed"
    return Reset(start.reason, tuple(sorted(wanted.tickers or ())) if changed else None).frame()
