"""The events that are about a stream, not about items: `connected`, `reset`, `heartbeat` and `closing`."""

from __future__ import annotations

import random
from collections.abc import Callable

from streamer.change import iso_time
from streamer.hub.filters import Filter
from streamer.hub.resume import Start
from streamer.sse.events import Closing, ClosingReason, Connected, Heartbeat, Reset
from streamer.streams.mode import CurrentMode
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing


class Announcements:
    """Makes them as things stand now."""

    def __init__(
        self,
        mode: Callable[[], CurrentMode],
        timing: Timing,
        randomness: random.Random,
        *,
        clock: Callable[[], float],
        now_ms: Callable[[], int],
    ) -> None:
        """`clock`: monotonic seconds."""
        self._mode = mode
        self._timing = timing
        self._random = randomness
        self._clock = clock
        self._now_ms = now_ms
        self._started = clock()

    @property
    def uptime(self) -> float:
        """Seconds since start."""
        return self._clock() - self._started

    def connected(self, stream: OpenStream) -> bytes:
        """The first frame of a stream; it has no id."""
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

    def heartbeat(self, connections: int) -> Heartbeat:
        """For every stream the same."""
        mode = self._mode()
        return Heartbeat(
            timestamp=iso_time(self._now_ms()),
            connections=connections,
            uptime_seconds=int(self.uptime),
            mode=mode.name,
            mode_reason=mode.reason,
            mode_since=iso_time(mode.since_ms),
        )

    def closing(self, reason: ClosingReason) -> bytes:
        """`retry_ms` is jittered, so that clients do not come back all at once."""
        spread = (10.0, 30.0) if reason == "server_busy" else (0.3, 1.0)
        scale = 1.0 if reason == "server_busy" else self._timing.retry
        return Closing(reason, round(1000 * scale * self._random.uniform(*spread))).frame()


def reset(start: Start, wanted: Filter) -> bytes:
    """The frame for a stream whose start is a reset; it names the tickers where the configuration has changed."""
    assert start.reason is not None, "only a reset has a reason"  # noqa: S101 - a bug, not an input
    changed = start.reason == "configuration_changed"
    return Reset(start.reason, tuple(sorted(wanted.tickers or ())) if changed else None).frame()
