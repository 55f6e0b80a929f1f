"""Counters and latency samples of one container, by the names of the catalogue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from streamer.telemetry.catalogue import COUNTERS, HOPS
from streamer.telemetry.histogram import Histogram

_SAMPLES = 2048


class Counters:
    """Monotonic counts since start. Used in the event loop only. Raises KeyError for a name outside the catalogue."""

    def __init__(self) -> None:
        self._counts = {metric.name: 0 for metric in COUNTERS}

    def add(self, name: str, count: int = 1) -> None:
        self._counts[name] += count

    def __getitem__(self, name: str) -> int:
        return self._counts[name]

    def snapshot(self) -> dict[str, int]:
        """Returns a copy of all counts, in the order of the catalogue."""
        return dict(self._counts)


class Lags:
    """The newest samples of each hop, in milliseconds, and the number of all samples by size."""

    def __init__(self, also: Callable[[str, float], None] | None = None, *, histograms: bool = False) -> None:
        """`also` is called with each sample. `histograms`: whether samples are counted by size, which Prometheus alone
        reads."""
        self._also = also
        self._samples: dict[str, deque[float]] = {metric.name: deque(maxlen=_SAMPLES) for metric in HOPS}
        self.histograms = {metric.name: Histogram() for metric in HOPS} if histograms else {}

    def add(self, hop: str, milliseconds: float) -> None:
        """Adds a sample. A negative sample, caused by clock skew, counts as 0."""
        milliseconds = max(0.0, milliseconds)
        self._samples[hop].append(milliseconds)
        if self.histograms:
            self.histograms[hop].add(milliseconds)
        if self._also is not None:
            self._also(hop, milliseconds)

    def snapshot(self) -> Mapping[str, Mapping[str, float | int | None]]:
        """Returns p50, p99 and the number of samples of each hop; percentiles are None without a sample."""
        return {hop: percentiles(samples) for hop, samples in self._samples.items()}


def percentiles(samples: Iterable[float]) -> dict[str, float | int | None]:
    """Returns `p50_ms`, `p99_ms` (None without samples) and `count`."""
    ordered = sorted(samples)
    if not ordered:
        return {"p50_ms": None, "p99_ms": None, "count": 0}
    last = len(ordered) - 1
    return {
        "p50_ms": round(ordered[round(last * 0.50)], 1),
        "p99_ms": round(ordered[round(last * 0.99)], 1),
        "count": len(ordered),
    }
