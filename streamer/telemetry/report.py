"""Reports the metrics of one container to CloudWatch, aggregated over an interval."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from streamer.telemetry.catalogue import HOPS
from streamer.telemetry.counters import Counters
from streamer.telemetry.distribution import Distribution, Samples
from streamer.telemetry.emf import encode
from streamer.telemetry.writer import LineWriter, WriterOwner

logger = logging.getLogger(__name__)

_MINUTE_MS: Final = 60_000
_STDOUT: Final = 1
_MAX_WAITING: Final = 4  # queued lines at which stdout counts as not read
_END_TIMEOUT: Final = 1.0

Gauges = Callable[[], Mapping[str, float | None]]
"""Returns the gauges by the names of the catalogue; None if unknown. Called in the event loop; must not block."""


class Report(Protocol):
    """Reports the metrics of one container. Called in the event loop; only `end` waits, for up to a second."""

    def sample(self, name: str, value: float) -> None:
        """Adds one value to a distribution. Called for each message."""

    def begin(self) -> None:
        """Starts the periodic reports."""

    def flush(self) -> None:
        """Reports the counts since the last report, without gauges. Called before Lambda freezes the process."""

    async def end(self) -> None:
        """Makes the last report."""


class NoReport:
    """Reports nothing."""

    def sample(self, name: str, value: float) -> None:
        pass

    def begin(self) -> None:
        pass

    def flush(self) -> None:
        pass

    async def end(self) -> None:
        pass


class EmfReport(WriterOwner):
    """Writes reports in the Embedded Metric Format to standard output.

    A report is due when the wall clock is a multiple of the interval. Its timestamp is a millisecond earlier, in the
    minute of the events that it counts. Only the first report of a minute has gauges, so that `Sum` over a minute is
    the sum over all containers. If stdout is not read, the counts are added to a later report.
    """

    def __init__(
        self,
        counters: Counters,
        gauges: Gauges,
        *,
        deployment: str,
        interval: float,
        now_ms: Callable[[], int],
        writer: LineWriter | None = None,
    ) -> None:
        """`interval`: seconds, at most 60. `now_ms`: Unix milliseconds."""
        self._counters = counters
        self._gauges = gauges
        self._deployment = deployment
        self._interval_ms = round(interval * 1000)
        self._now_ms = now_ms
        self._writer = writer or LineWriter(_STDOUT, "metrics", self)
        self._distributions = {metric.name: Distribution() for metric in HOPS}
        self._reported = counters.snapshot()
        self._minute = -1  # the last minute with a report of the gauges
        self._due_ms = 0
        self._timer: asyncio.TimerHandle | None = None

    def sample(self, name: str, value: float) -> None:
        self._distributions[name].add(value)

    def begin(self) -> None:
        self._writer.start()
        self._set_timer()

    def tick(self) -> None:
        """Reports if a report is due, and sets the next timer. Called by the timer."""
        try:
            now_ms = self._now_ms()
            if now_ms >= self._due_ms:  # false if the clock was set back or the timer was early
                self._report_at(now_ms // self._interval_ms * self._interval_ms - 1)
        except Exception:
            logger.exception("metrics could not be reported")
        finally:
            self._set_timer()

    def flush(self) -> None:
        self._report(self._now_ms(), {})

    async def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        self._writer.close()
        if not await asyncio.to_thread(self._writer.join, _END_TIMEOUT):
            logger.warning("stdout is not read: the last metrics are lost")

    def failed(self, lines: Sequence[bytes], error: OSError, *, again: bool) -> None:
        if not again:  # a closed pipe would log this with every report
            logger.warning("metrics cannot be written to stdout", extra={"error": str(error)})

    def _set_timer(self) -> None:
        now_ms = self._now_ms()
        self._due_ms = (now_ms // self._interval_ms + 1) * self._interval_ms
        self._timer = asyncio.get_running_loop().call_later((self._due_ms - now_ms) / 1000, self.tick)

    def _report_at(self, at_ms: int) -> None:
        minute = at_ms // _MINUTE_MS
        known: dict[str, float] = {}
        if minute != self._minute:
            known = {name: value for name, value in self._gauges().items() if value is not None}
        if self._report(at_ms, known):
            self._minute = minute

    def _report(self, at_ms: int, gauges: Mapping[str, float]) -> bool:
        if self._writer.waiting >= _MAX_WAITING:
            self._counters.add("flushes_delayed")
            return False
        counts = self._counters.snapshot()
        values: dict[str, float | Samples] = dict(gauges)
        values |= {name: count - self._reported[name] for name, count in counts.items()}
        for name, distribution in self._distributions.items():
            samples = distribution.take()
            if samples is not None:
                values[name] = samples
        self._reported = counts
        lines = encode(values, deployment=self._deployment, at_ms=at_ms)
        self._writer.put("".join(f"{line}\n" for line in lines).encode())
        return True
