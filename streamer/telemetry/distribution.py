"""Samples of one interval, kept by value, so that percentiles over many containers are true ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

MOST_VALUES: Final = 100
"""Values of one metric in one line; CloudWatch drops what has more."""

_EXACT = 1000  # milliseconds; of a larger sample three digits are kept, which bounds how many values there can be


@dataclass(frozen=True, slots=True)
class Samples:
    """What was sampled: values in rising order, and how often each came."""

    values: tuple[int, ...]
    counts: tuple[int, ...]

    def members(self) -> dict[str, object]:
        """As CloudWatch takes values that came more than once. Max, Min, Sum and Count go with them, as in what AWS's
        own libraries write (aws-embedded-metrics-java, Histogram)."""
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
    """Takes samples until they are taken away. Its memory is bounded whatever comes."""

    def __init__(self) -> None:
        self._counts: dict[int, int] = {}

    def add(self, value: float) -> None:
        """Takes a sample, not negative: to the whole number below 1,000, to three digits above."""
        rounded = round(value)
        if rounded >= _EXACT:
            digits = 3 - len(str(rounded))
            rounded = round(rounded, digits)
        self._counts[rounded] = self._counts.get(rounded, 0) + 1

    def take(self) -> Samples | None:
        """The samples since the last time, as many values as one line may have; None: there were none."""
        counts, self._counts = self._counts, {}
        return even(counts) if counts else None


def even(counts: Mapping[int, int], most: int = MOST_VALUES) -> Samples:
    """At least one value with its count; where there are more than `most` values, an even choice of them by rank, the
    lowest and the highest among them, each with the count of the samples nearest to it. No sample is lost."""
    values = sorted(counts)
    if len(values) <= most:
        return Samples(tuple(values), tuple(counts[value] for value in values))
    last = sum(counts.values()) - 1
    ranks = [round(place * last / (most - 1)) for place in range(most)]
    borders = [0, *((low + high + 1) // 2 for low, high in pairwise(ranks)), last + 1]
    chosen: dict[int, int] = {}
    index, below = 0, 0  # `below`: samples of the values before this one
    for place, rank in enumerate(ranks):
        while below + counts[values[index]] <= rank:
            below += counts[values[index]]
            index += 1
        chosen[values[index]] = chosen.get(values[index], 0) + borders[place + 1] - borders[place]
    return Samples(tuple(chosen), tuple(chosen.values()))
