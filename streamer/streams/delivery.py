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
from functools import partial
from typing import Final

from streamer.clock import wall_ms
from streamer.hub.filters import Filter
from streamer.hub.frame import Frame, FrameKind
from streamer.hub.group import Group
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
from streamer.telemetry.counters import Counters

logger = logging.getLogger(__name__)

_REPLAY_BYTES: Final = 64 * 1024


class Delivery:
    """All streams of this container. Not thread-safe: lives in the event loop."""

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
        """Called after each flush: what was published before it is written now."""
        self.clock = clock
        """Monotonic seconds, by which streams are timed."""
        self._hub = hub
        self._counters = counters
        self._timing = timing
        self._now_ms = now_ms
        self._random = randomness or random.SystemRandom()
        self._announcements = Announcements(mode, timing, self._random, clock=clock, now_ms=now_ms)
        self._registry = Registry(hub, counters, self._announcements, timing, clock)
        self._sweep = Sweep(hub, self._registry, self._announcements, timing)
        self._flushed_at = float("-inf")
        """When what was published was last flushed for its own sake: heartbeats and metrics make no event wait."""
        self._flush_timer: asyncio.TimerHandle | None = None
        self._metrics_at = float("-inf")

    @property
    def streams(self) -> set[OpenStream]:
        """Those whose request has not ended."""
        return self._registry.streams

    @property
    def uptime(self) -> float:
        """Seconds since start."""
        return self._announcements.uptime

    def open(
        self,
        sink: Sink,
        wanted: Filter,
        request: Request,
        *,
        since: FilterSince | None = None,
        deadline_ms: int | None = None,
        leave_by_ms: int | None = None,
    ) -> OpenStream:
        """Begins a stream: `connected`, what it missed, a heartbeat and the metrics, then live, with no step of the
        event loop between the last of the history and the first live frame.

        `since`: where the filter is one that can change (`refilter`). `deadline_ms`: of the ticket that opens it.
        `leave_by_ms`: when its lifetime is over at the latest. Both in Unix milliseconds."""
        now = self.clock()
        start = self._hub.begin(request, self._now_ms(), since)
        stream = OpenStream(
            connection_id=secrets.token_hex(8),
            wanted=wanted,
            sink=sink,
            start=start,
            replayed=self._hub.missed_count(wanted, start),
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
            opening += reset(start, wanted)
        sink.on_blocked = partial(self._registry.blocked.add, stream)
        sink.on_drained = partial(self._continue, stream)
        try:
            self._replay(stream, opening)
        except BaseException:
            self.forget(stream)
            raise
        return stream

    def refilter(self, stream: OpenStream, wanted: Filter) -> None:
        """Its configuration has other tickers now: `reset`, which names them, and what the history has of them, then
        live. What was published before goes out by the old filter, and nothing of it after the `reset`."""
        if wanted == stream.wanted:
            return
        self.flush()
        if not stream.is_open:  # the flush may have found it too slow
            return
        try:
            waiting = stream.sink.pending()
        except Exception as error:
            self._registry.fail(stream, error)
            return
        if waiting > self._timing.slow_bytes:
            self._registry.close_slow(stream)
            return
        self._counters.add("streams_refiltered")
        self._hub.leave(stream.wanted, stream)
        stream.wanted = wanted
        stream.replay(Start("reset", self._hub.history.evicted_through, "configuration_changed"))
        opening = reset(stream.start, wanted)
        if waiting:
            # The history follows when the client has taken what waits: change after change adds no more than this.
            self._registry.write(stream, opening, 0, self.clock())
            return
        try:
            self._replay(stream, opening)
        except Exception as error:
            self._registry.fail(stream, error)

    def end(self, stream: OpenStream, reason: ClosingReason) -> None:
        """Sends `closing` to one stream, after what was published for it; ending twice does nothing."""
        self.flush()
        if stream.is_open:
            self._registry.close(stream, reason)

    def forget(self, stream: OpenStream) -> None:
        """The stream's request has ended. Forgetting twice does nothing."""
        self._registry.forget(stream)

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
                self._registry.attend(stream)

    def closing(self, reason: ClosingReason) -> bytes:
        """The `closing` of a request that gets no stream."""
        return self._announcements.closing(reason)

    def schedule_flush(self) -> None:
        """Flushes what was published: now, or a moment later if a flush was a moment ago."""
        if self._flush_timer is None:
            wait = self._flushed_at + self._timing.flush - self.clock()
            if wait <= 0:
                self._flush_published()
            else:
                self._flush_timer = asyncio.get_running_loop().call_later(wait, self._flush_published)

    def _flush_published(self) -> None:
        self._flushed_at = self.clock()
        self.flush()

    def flush(self) -> None:
        """Writes what waits: one join for each group of equal filters, the same bytes for all its streams."""
        if self._flush_timer is not None:
            self._flush_timer.cancel()
            self._flush_timer = None
        frames = self._hub.take_pending()
        if frames:
            self._registry.close_overfull()
            now = self.clock()
            for wanted, group in list(self._hub.groups.items()):
                admitted = [frame for frame in frames if wanted.admits(frame)]
                if admitted:
                    self._send(wanted, group, admitted, now)
        if self.on_flush is not None:
            self.on_flush()

    def _send(self, wanted: Filter, group: Group[OpenStream], frames: list[Frame], now: float) -> None:
        """The same bytes for every stream of the group. This loop is all that an event costs for each of them."""
        if wanted.configuration is None:
            data = b"".join([frame.data for frame in frames])
        else:
            data = b"".join([self._hub.encode(frame, wanted) for frame in frames])
        events = len([frame for frame in frames if frame.kind is not FrameKind.CONTROL])
        group.told(events, len(data), now)
        self._counters.add("events_delivered", events * len(group))
        self._counters.add("bytes_delivered", len(data) * len(group))
        broken: list[tuple[OpenStream, Exception]] = []  # they leave the group, so not while it is iterated
        for stream in group:
            try:
                stream.sink.write(data)
            except Exception as error:
                broken.append((stream, error))
        for stream, why in broken:
            self._registry.fail(stream, why)

    def announce_mode(self) -> None:
        """Sends every stream a heartbeat at once: it says how events come now."""
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
        """Sends or ends what is due."""
        now, now_ms = self.clock(), self._now_ms()
        self._hub.expire(now_ms)
        self._announce_metrics(now, now_ms)
        self.flush()
        self._sweep.run(now)

    def _continue(self, stream: OpenStream) -> None:
        """The client took everything so far: on with the history, if it is not through."""
        if stream.state is StreamState.REPLAYING:
            self._replay(stream, b"")

    def _replay(self, stream: OpenStream, opening: bytes) -> None:
        """Writes the next part of the history; at its end the stream is live."""
        self.flush()
        history = self._hub.history
        chunks = [opening]
        if not history.covers(stream.cursor):
            # Evicted while the client was taking its time: never a silent gap.
            self._counters.add("streams_reset")
            chunks.append(Reset("too_old").frame())
            stream.replay(Start("reset", history.evicted_through, "too_old"))
        size = events = 0
        for frame in self._hub.missed(stream.wanted, stream.start, stream.cursor):
            if size >= _REPLAY_BYTES:
                break
            stream.cursor = frame.number
            if frame.superseded:
                stream.came_ms = 0
            data = self._hub.encode(frame, stream.wanted, stream.came_ms)
            chunks.append(data)
            size += len(data)
            events += 1
        else:
            chunks.append(self._hub.stamp(self._heartbeat(), stream.wanted))
            if stream.wanted.metrics:
                if not self._metrics_wanted():
                    self._hub.take_window_change()  # everybody who wants them is sent these
                    self._metrics_at = self.clock()
                chunks.append(self._hub.stamp(self._hub.window.metrics(self._now_ms()), stream.wanted))
                events += 1
            stream.go_live(self._hub.join(stream.wanted, stream))
        self._registry.write(stream, b"".join(chunks), events, self.clock())
        if stream.is_open:
            self._registry.attend(stream)

    def _announce_metrics(self, now: float, now_ms: int) -> None:
        since = now - self._metrics_at
        if since < self._timing.metrics or not self._metrics_wanted():
            return
        if self._hub.take_window_change() or since >= self._timing.metrics_idle:
            self._metrics_at = now
            self._hub.announce(self._hub.window.metrics(now_ms), FrameKind.METRICS)

    def _metrics_wanted(self) -> bool:
        return any(wanted.metrics for wanted in self._hub.groups)

    def _connected(self, stream: OpenStream) -> bytes:
        return self._announcements.connected(stream)

    def _heartbeat(self) -> Heartbeat:
        return self._announcements.heartbeat(len(self.streams))
