"""Counts the samples of an interval by value, so that CloudWatch can compute percentiles over all containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

MAX_VALUES: Final = 100
"""Maximum number of values of a metric in one line. CloudWatch drops a metric with more values."""

_EXACT = 1000  # milliseconds; larger samples are rounded to three digits, to limit the number of values


@dataclass(frozen=True, slots=True)
class Samples:
    """Distinct values in ascending order, with their counts."""

    values: tuple[int, ...]
    counts: tuple[int, ...]

    def members(self) -> dict[str, object]:
        """Returns the members of an EMF value with counts. As in aws-embedded-metrics-java (Histogram), they include
        Max, Min, Sum and Count."""
        total = sum(value * count for value, count in zip(self.values, self.counts, strict=True))
        return {
            "Values": self.values,
            "Counts": self.counts,
            "Max": self.values[-1],
            "Min": self.values[0],
            "Sum": total,
            "Count": sum(self.counts),
        }


class Distribution:
    """Collects samples in bounded memory."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, value: float) -> None:
        """Adds a sample, which must not be negative. Rounds it to a whole number, above 1,000 to three digits."""
        rounded = round(value)
        if rounded >= _EXACT:
            digits = 3 - len(str(rounded))
            rounded = round(rounded, digits)
        self._counts[rounded] = self._counts.get(rounded, 0) + 1

    def take(self) -> Samples | None:
        """Returns the samples since the last call, with at most MAX_VALUES values; None if there are none."""
        counts, self._counts = self._counts, {}
        return even(counts) if counts else None


def even(counts: Mapping[int, int], most: int = MAX_VALUES) -> Samples:
    """Reduces a distribution to at most `most` values.

    Keeps values at equal distances in rank, the lowest and the highest included. The count of each includes the
    samples nearest to it, so that the total stays the same.
    """
    values = sorted(counts)
    if len(values) <= most:
        return Samples(tuple(values), tuple(counts[value] for value in values))
    last = sum(counts.values()) - 1
    ranks = [round(place * last / (most - 1)) for place in range(most)]
    borders = [0, *((low + high + 1) // 2 for low, high in pairwise(ranks)), last + 1]
    chosen: dict[int, int] = {}
    index, below = 0, 0  # `below`: number of samples with a lower value
    for place, rank in enumerate(ranks):
        while below + counts[values[index]] <= rank:
            below += counts[values[index]]
            index += 1
        chosen[values[index]] = chosen.get(values[index], 0) + borders[place + 1] - borders[place]
    return Samples(tuple(chosen), tuple(chosen.values()))
