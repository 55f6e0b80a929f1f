"""Delivers the hub's frames to the open streams whose filters admit them.

Every method that writes numbered frames to a single stream (opening, heartbeat, history) calls `flush` first. Otherwise
a stream could receive an id before frames with lower ids that are still pending.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections.abc import Callable
from functools import partial
from typing import Final

from streamer.clock import wall_ms
from streamer.hub.filters import Filter
from streamer.hub.frame import FrameKind
from streamer.hub.hub import Hub
from streamer.hub.resume import FilterSince, Request, Start
from streamer.sse.events import ClosingReason, Heartbeat, Reset
from streamer.streams.announcements import Announcements, reset
from streamer.streams.mode import CurrentMode
from streamer.streams.registry import Registry
from streamer.streams.sink import Sink
from streamer.streams.stream import OpenStream, StreamState
from streamer.streams.sweep import Sweep
from streamer.streams.timing import Timing
from streamer.streams.turns import Turns
from streamer.telemetry.counters import Counters
from streamer.token_bucket import TokenBucket

logger = logging.getLogger(__name__)

_REPLAY_BYTES: Final = 64 * 1024
"""Size of one part of a replay. The next part is written when the client has read this one."""


class Delivery:
    """Delivers frames to all streams of this container. Not thread-safe: every method runs in the event loop."""

    def __init__(
        self,
        hub: Hub[OpenStream],
        counters: Counters,
        mode: Callable[[], CurrentMode],
        timing: Timing,
        *,
        clock: Callable[[], float] = time.monotonic,
        now_ms: Callable[[], int] = wall_ms,
        randomness: random.Random | None = None,
    ) -> None:
        self.draining = False
        self.on_flush: Callable[[], None] | None = None
        """Called at the end of each flush, when no frame is pending."""
        self.clock = clock
        """Monotonic seconds; all times of a stream are measured by it."""
        self.turns = Turns(clock=clock)
        """For those who call `open`."""
        self._replay_turns = Turns(clock=clock)
        self._hub = hub
        self._counters = counters
        self._timing = timing
        self._now_ms = now_ms
        self._random = randomness or random.SystemRandom()
        self._announcements = Announcements(mode, timing, self._random, clock=clock, now_ms=now_ms)
        self._registry = Registry(hub, counters, self._announcements, timing, clock)
        self._sweep = Sweep(hub, self._registry, self._announcements, timing)
        self._flush_pace = TokenBucket(1 / timing.flush, timing.flush_burst, clock())
        """Paces the flushes by `schedule_flush`. Flushes for heartbeats and metrics do not count; otherwise they would
        delay the next flush of events."""
        self._flush_from = float("-inf")
        """Earliest time of the next scheduled flush: after a flush the event loop is free for at least as long as that
        flush took, however many flushes the pace allows."""
        self._flush_timer: asyncio.TimerHandle | None = None
        self._metrics_at = float("-inf")

    @property
    def streams(self) -> set[OpenStream]:
        """The streams whose request has not ended, including those that are closing."""
        return self._registry.streams

    @property
    def connections(self) -> int:
        """Number of connections that streams have, with those that wait for their turn to open."""
        return len(self.streams) + len(self.turns)

    @property
    def unsent_bytes(self) -> int:
        """Bytes that clients have not read yet, for all streams together."""
        return self._registry.unsent_bytes

    @property
    def slow_bytes(self) -> int:
        """Bytes of one stream above which a flush closes the stream."""
        return self._timing.slow_bytes

    @property
    def uptime(self) -> float:
        """Seconds since start."""
        return self._announcements.uptime

    def open(
        self,
        sink: Sink,
        stream_filter: Filter,
        request: Request,
        *,
        since: FilterSince | None = None,
        deadline_ms: int | None = None,
        leave_by_ms: int | None = None,
        end_reason: ClosingReason | None = None,
    ) -> OpenStream:
        """Opens a stream: sends `connected`, the missed events, a heartbeat and the metrics. With an `end_reason`, and
        while draining, sends only `closing`.

        The stream joins its live group in the same step of the event loop in which the last part of the history is
        written, so it misses nothing in between.

        `since`: when the current filter took effect; None if the filter never changes. `deadline_ms`: expiry of the
        ticket. `leave_by_ms`: latest end of the stream. Both are Unix milliseconds."""
        now = self.clock()
        start = self._hub.begin(request, self._now_ms(), since)
        stream = OpenStream(
            connection_id=secrets.token_hex(8),
            filter=stream_filter,
            sink=sink,
            start=start,
            replayed=self._hub.missed_count(stream_filter, start),
            opened_at=now,
            ends_at=now + self._timing.lifetime * self._random.uniform(0.8, 1.0),
            heartbeat_at=now + self._timing.heartbeat * self._random.uniform(0.5, 1.0),
            ping_after=self._timing.ping * self._random.uniform(0.8, 1.0),
            place=request.place,
        )
        if leave_by_ms is not None:
            stream.ends_at = min(stream.ends_at, now + (leave_by_ms - self._now_ms()) / 1000)
        if deadline_ms is not None:
            expires_at = now + (deadline_ms - self._now_ms()) / 1000
            if expires_at < stream.ends_at:
                stream.ends_at, stream.end_reason = expires_at, "ticket_expired"
        self.streams.add(stream)
        self._counters.add("streams_opened")
        if self.draining or end_reason is not None:
            self._registry.close(stream, end_reason or "drain")
            return stream
        opening = self._announcements.connected(stream)
        if start.resume == "resumed":
            self._counters.add("streams_resumed")
        if start.reason is not None:
            self._counters.add("streams_reset")
            opening += reset(start, stream_filter)
        sink.on_blocked = partial(self._registry.blocked.add, stream)
        sink.on_drained = partial(self._drained, stream)
        try:
            self._replay(stream, opening)
        except BaseException:
            self.forget(stream)
            raise
        return stream

    def refilter(self, stream: OpenStream, stream_filter: Filter) -> None:
        """Changes the filter of a stream: sends `reset` with the new tickers, then the matching history, then live
        events. Pending frames are flushed first with the old filter; after `reset` only the new filter applies."""
        if stream_filter == stream.filter:
            return
        self.flush()
        if not stream.is_open:  # the flush may have closed it as slow
            return
        try:
            pending = stream.sink.pending()
        except Exception as error:
            self._registry.fail(stream, error)
            return
        self._hub.leave(stream.filter, stream)
        stream.filter = stream_filter
        stream.replay(Start("reset", self._hub.history.evicted_through, "configuration_changed"))
        if pending > self._timing.slow_bytes:
            self._registry.close_slow(stream)
            return
        self._counters.add("streams_refiltered")
        opening = reset(stream.start, stream_filter)
        if pending:
            # `_continue_replay` sends the history when the client has read the buffer. So repeated changes of the
            # filter add only a `reset` each to the buffer.
            self._registry.write(stream, opening, 0, self.clock())
            return
        try:
            self._replay(stream, opening)
        except Exception as error:
            self._registry.fail(stream, error)

    def end(self, stream: OpenStream, reason: ClosingReason) -> None:
        """Flushes, then sends `closing` to the stream. Does nothing if the stream is closing or has ended."""
        self.flush()
        if stream.is_open:
            self._registry.close(stream, reason)

    def forget(self, stream: OpenStream) -> None:
        """Removes a stream whose request has ended. A second call does nothing."""
        self._registry.forget(stream)

    def drain(self, window: float) -> None:
        """Ends all streams with `closing` (drain), in random order within `window` seconds, the first one now."""
        self.draining = True
        now = self.clock()
        streams = list(self.streams)
        self._random.shuffle(streams)
        for index, stream in enumerate(streams):
            ends_at = now + window * index / len(streams)
            if ends_at < stream.ends_at:
                stream.ends_at, stream.end_reason = ends_at, "drain"
                self._registry.schedule_check(stream)

    def closing(self, reason: ClosingReason, request: Request) -> bytes:
        """Returns the `closing` frame for a request for which no stream is opened."""
        return self._announcements.closing(reason, request.place)

    def schedule_flush(self) -> None:
        """Flushes now if the pace allows it: a lone event, and the first ones of a burst. Otherwise schedules one flush
        for all that is published until then."""
        if self._flush_timer is None:
            now = self.clock()
            wait = max(self._flush_pace.wait(now), self._flush_from - now)
            if wait <= 0:
                self._scheduled_flush()
            else:
                self._flush_timer = asyncio.get_running_loop().call_later(wait, self._scheduled_flush)

    def _scheduled_flush(self) -> None:
        began = self.clock()
        self._flush_pace.take(began)
        self.flush()
        ended = self.clock()
        self._flush_from = ended + (ended - began)

    def flush(self) -> None:
        """Writes all pending frames: concatenates them once for each group of equal filters, and writes the same bytes
        to every stream of the group."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        frames = self._hub.take_pending()
        if frames:
            slow = self._registry.slow_streams()
            self._registry.write_groups(self._hub.groups.route(frames), self.clock())
            for stream in slow:  # not before: the place of `closing` tells what was written
                if stream.is_open:
                    self._registry.close_slow(stream)
        if self.on_flush is not None:
            self.on_flush()

    def announce_mode(self) -> None:
        """Sends a heartbeat, which has the current mode, to every stream."""
        self._hub.announce(self._heartbeat())
        self.flush()

    async def run(self) -> None:
        """Sweeps every `timing.sweep` seconds, until it is cancelled."""
        while True:
            try:
                self.sweep()
            except Exception:
                logger.exception("the sweep failed")
            await asyncio.sleep(self._timing.sweep)

    def sweep(self) -> None:
        """Sends metrics, heartbeats and pings that are due, and ends streams."""
        now, now_ms = self.clock(), self._now_ms()
        self._hub.expire(now_ms)
        self._announce_metrics(now, now_ms)
        self.flush()
        self._sweep.run(now)

    def _drained(self, stream: OpenStream) -> None:
        if stream.state is StreamState.REPLAYING:
            self._replay_turns.take(partial(self._continue_replay, stream))

    def _continue_replay(self, stream: OpenStream) -> None:
        """Sends the next part of the history, unless the stream ended or was written to while it waited for its turn.
        Then it is called again, when the write buffer is empty."""
        try:
            if stream.state is StreamState.REPLAYING and not stream.sink.pending():
                self._replay(stream, b"")
        except Exception as error:
            self._registry.fail(stream, error)

    def _replay(self, stream: OpenStream, opening: bytes) -> None:
        """Writes the next part of the history. After the last part the stream joins the live group."""
        self.flush()
        history = self._hub.history
        chunks = [opening]
        if not history.covers(stream.cursor):
            # The history evicted frames that this slow client has not read: send `reset` instead of skipping them.
            self._counters.add("streams_reset")
            chunks.append(Reset("too_old").frame())
            stream.replay(Start("reset", history.evicted_through, "too_old"))
        size, events, data = 0, 0, b""
        for frame in self._hub.missed(stream.filter, stream.start, stream.cursor):
            if size >= _REPLAY_BYTES:
                break
            stream.cursor = frame.number
            if frame.superseded:
                stream.resume_time_ms = 0
            data = self._hub.encode(frame, stream.filter, stream.resume_time_ms)
            chunks.append(data)
            size += len(data)
            events += 1
        else:
            chunks.append(self._hub.stamp(self._heartbeat(), stream.filter))
            if stream.filter.metrics:
                if not self._metrics_wanted():
                    # No live stream receives metrics, and the event below includes the latest change: clear its flag.
                    self._hub.take_window_change()
                    self._metrics_at = self.clock()
                chunks.append(self._hub.stamp(self._hub.window.metrics(self._now_ms()), stream.filter))
                events += 1
            stream.go_live(self._hub.join(stream.filter, stream))
        if data:
            stream.place = data[len(b"id: ") : data.index(b"\n")].decode()
        self._registry.write(stream, b"".join(chunks), events, self.clock())
        if stream.is_open:
            self._registry.schedule_check(stream)

    def _announce_metrics(self, now: float, now_ms: int) -> None:
        elapsed = now - self._metrics_at
        if elapsed < self._timing.metrics or not self._metrics_wanted():
            return
        if self._hub.take_window_change() or elapsed >= self._timing.metrics_idle:
            self._metrics_at = now
            self._hub.announce(self._hub.window.metrics(now_ms), FrameKind.METRICS)

    def _metrics_wanted(self) -> bool:
        return self._hub.groups.want_metrics

    def _heartbeat(self) -> Heartbeat:
        return self._announcements.heartbeat(len(self.streams))
