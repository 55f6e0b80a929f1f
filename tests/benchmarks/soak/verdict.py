"""What the samples of the soak say. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

MOST: Final = 0.05
"""The largest resident memory after the warm-up may exceed the smallest by this part."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The service at one moment."""

    seconds: float
    """Since the first change."""
    changes: int
    resident: int
    """Bytes."""
    structures: dict[str, int]
    """Bytes of each structure, as the status estimates them."""
    streams: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the resident memory stays flat."""

    least: int
    most: int
    """Bytes."""
    slope: float
    """Bytes a second, by least squares."""

    @classmethod
    def of(cls, samples: Sequence[Sample]) -> Verdict:
        """Of the samples after the warm-up, at least two. ValueError for fewer."""
        if len(samples) < 2:
            raise ValueError(f"{len(samples)} samples after the warm-up; a slope needs two: run it for longer")
        sizes = [sample.resident for sample in samples]
        times = [sample.seconds for sample in samples]
        middle, mean = sum(times) / len(times), sum(sizes) / len(sizes)
        above = sum((at - middle) * (size - mean) for at, size in zip(times, sizes, strict=True))
        return cls(min(sizes), max(sizes), above / sum((at - middle) ** 2 for at in times))

    @property
    def spread(self) -> float:
        """By which part the largest exceeds the smallest."""
        return self.most / self.least - 1

    @property
    def flat(self) -> bool:
        """Whether the spread is at most MOST."""
        return self.spread <= MOST

    def text(self, speed: float) -> str:
        """Says it in a line. `speed`: by how much the soak is faster than what it stands for."""
        mb_an_hour = self.slope * 3_600 / speed / 1e6
        return (
            f"{'flat' if self.flat else 'NOT flat'}: {self.least / 1e6:.1f} to {self.most / 1e6:.1f} MB,"
            f" {self.spread:.1%} apart (aim: {MOST:.0%}); slope {mb_an_hour:+.1f} MB,"
            f" {mb_an_hour * 1e6 / self.least:+.1%} an hour of what it stands for"
        )
