"""The control events of a stream: `connected`, `reset`, `heartbeat` and `closing`."""

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
    """Creates control events with the current mode and time."""

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
        """Returns the first frame of a stream. It has no id."""
        tickers = stream.filter.tickers
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
        """Returns the heartbeat, which is the same for every stream. `connections`: number of open streams."""
        mode = self._mode()
        return Heartbeat(
            timestamp=iso_time(self._now_ms()),
            connections=connections,
            uptime_seconds=int(self.uptime),
            mode=mode.name,
            mode_reason=mode.reason,
            mode_since=iso_time(mode.since_ms),
        )

    def closing(self, reason: ClosingReason, place: str | None) -> bytes:
        """Returns a `closing` frame. Its `retry_ms` is random, so that clients do not reconnect all at once. `place`:
        where the client is."""
        least, most = (10.0, 30.0) if reason == "server_busy" else (0.3 * self._timing.retry, self._timing.retry)
        return Closing(reason, round(1000 * self._random.uniform(least, most))).frame(place=place)


def reset(start: Start, stream_filter: Filter) -> bytes:
    """Returns the `reset` frame. It names the tickers if the configuration changed."""
    assert start.reason is not None, "only a reset has a reason"  # noqa: S101 - a bug, not an input
    changed = start.reason == "configuration_changed"
    return Reset(start.reason, tuple(sorted(stream_filter.tickers or ())) if changed else None).frame()
