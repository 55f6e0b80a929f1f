"""Counts all samples since start by size, so that Prometheus can compute percentiles over all containers."""

from __future__ import annotations

from bisect import bisect_left
from itertools import accumulate
from typing import Final

BOUNDS_MS: Final = (5, 10, 25, 50, 100, 250, 500, 1000, 1500, 2000, 2500, 3000, 5000, 10_000, 30_000, 60_000)
"""Upper bounds of the buckets in milliseconds, inclusive. 3,000 is the limit of the alarm `late`."""


class Histogram:
    """Counts by bucket, with the sum of the samples."""

    def __init__(self) -> None:
        self.sum_ms = 0.0
        self._counts = [0] * (len(BOUNDS_MS) + 1)  # the last one: above all bounds

    def add(self, milliseconds: float) -> None:
        """Adds a sample, which must not be negative."""
        self.sum_ms += milliseconds
        self._counts[bisect_left(BOUNDS_MS, milliseconds)] += 1

    def cumulative(self) -> list[int]:
        """Returns the number of samples up to each bound, and last the number of all samples."""
        return list(accumulate(self._counts))
