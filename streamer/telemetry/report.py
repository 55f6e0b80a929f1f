"""What one container reports of itself to CloudWatch: sampled as it happens, aggregated, and said once an interval."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from streamer.telemetry.catalogue import HOPS
from streamer.telemetry.counters import Counters
from streamer.telemetry.distribution import Distribution, Samples
from streamer.telemetry.emf import encode
from streamer.telemetry.outlet import Outlet

logger = logging.getLogger(__name__)

_MINUTE_MS: Final = 60_000
_LAST_WORDS: Final = 1.0  # seconds that a stop waits for its last line

Gauges = Callable[[], Mapping[str, float | None]]
"""How things stand, by the names of the catalogue; None: it is not known. Asked in the event loop; must not block."""


class Report(Protocol):
    """Says how one container fares, as long as it runs. In the event loop; only `end` waits, and not for long."""

    def sample(self, name: str, value: float) -> None:
        """Takes one value of a distribution. Called for each message."""

    def begin(self) -> None:
        """From now on it says what there is, once an interval."""

    def flush(self) -> None:
        """Says what has been counted since the last time, gauges apart: for whoever may be frozen the next moment."""

    async def end(self) -> None:
        """Says what is left, the last time."""


class NoReport:
    """Says nothing and keeps nothing."""

    def sample(self, name: str, value: float) -> None:
        """See Report."""

    def begin(self) -> None:
        """See Report."""

    def flush(self) -> None:
        """See Report."""

    async def end(self) -> None:
        """See Report."""


class EmfReport:
    """In the Embedded Metric Format, on standard output.

    Lines are due when the wall clock is a multiple of the interval, and each is dated a millisecond before that: what
    it counts happened in the minute that it is dated in. Gauges are in the first line of each minute, so that their sum
    over a minute is the sum over containers. A line that nobody takes is left to the next one, and loses nothing.
    """

    def __init__(
        self,
        counters: Counters,
        gauges: Gauges,
        *,
        deployment: str,
        interval: float,
        now_ms: Callable[[], int],
        outlet: Outlet | None = None,
    ) -> None:
        """`interval`: seconds, at most 60. `now_ms`: Unix milliseconds."""
        self._counters = counters
        self._gauges = gauges
        self._deployment = deployment
        self._interval_ms = round(interval * 1000)
        self._now_ms = now_ms
        self._outlet = outlet or Outlet()
        self._distributions = {metric.name: Distribution() for metric in HOPS}
        self._said = counters.snapshot()
        self._minute = -1  # the last one that has its gauges
        self._due_ms = 0
        self._timer: asyncio.TimerHandle | None = None

    def sample(self, name: str, value: float) -> None:
        """See Report."""
        self._distributions[name].add(value)

    def begin(self) -> None:
        """See Report."""
        self._outlet.start()
        self._wait()

    def tick(self) -> None:
        """Says what is due, and waits for the next time. Called by its own timer."""
        try:
            now_ms = self._now_ms()
            if now_ms >= self._due_ms:  # else the clock was set back, or the timer was a moment early
                self._say_on_time(now_ms // self._interval_ms * self._interval_ms - 1)
        except Exception:
            logger.exception("metrics could not be said")
        finally:
            self._wait()

    def flush(self) -> None:
        """See Report."""
        self._say(self._now_ms(), {})

    async def end(self) -> None:
        """See Report."""
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        if not await asyncio.to_thread(self._outlet.close, _LAST_WORDS):
            logger.warning("nobody reads stdout: the last metrics are lost")

    def _wait(self) -> None:
        now_ms = self._now_ms()
        self._due_ms = (now_ms // self._interval_ms + 1) * self._interval_ms
        self._timer = asyncio.get_running_loop().call_later((self._due_ms - now_ms) / 1000, self.tick)

    def _say_on_time(self, at_ms: int) -> None:
        minute = at_ms // _MINUTE_MS
        known: dict[str, float] = {}
        if minute != self._minute:
            known = {name: value for name, value in self._gauges().items() if value is not None}
        if self._say(at_ms, known):
            self._minute = minute

    def _say(self, at_ms: int, gauges: Mapping[str, float]) -> bool:
        if not self._outlet.ready():
            self._counters.add("flushes_delayed")
            return False
        counts = self._counters.snapshot()
        values: dict[str, float | Samples] = dict(gauges)
        values |= {name: count - self._said[name] for name, count in counts.items()}
        for name, distribution in self._distributions.items():
            samples = distribution.take()
            if samples is not None:
                values[name] = samples
        self._said = counts
        self._outlet.put(encode(values, deployment=self._deployment, at_ms=at_ms))
        return True
