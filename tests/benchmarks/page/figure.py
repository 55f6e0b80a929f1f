"""What was measured beside its aim. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure; more than `most` misses its aim."""

    name: str
    most: float
    found: float
    unit: str = ""
    digits: int = 0
    remark: str = ""

    def row(self) -> tuple[str, str, str, str]:
        """Returns figure, aim, found and verdict."""
        verdict = "met" if self.found <= self.most else "MISSED"
        if self.found > self.most > 0:
            verdict += f" by {self.found / self.most - 1:.0%}"
        return (
            self.name,
            f"≤ {self._text(self.most)}",
            self._text(self.found),
            verdict + (self.remark and f"; {self.remark}"),
        )

    def _text(self, value: float) -> str:
        return f"{value:,.{self.digits}f}{self.unit}"


HEAD = ("figure", "aim", "found", "")


def line(name: str, aim: str, found: str, verdict: str) -> str:
    """Returns one line of the table, for a terminal."""
    return f"  {name:45}  {aim:>9}  {found:>9}  {verdict}".rstrip()


def growth(samples: Sequence[float]) -> float:
    """Returns the mean of the last third minus that of the first third: about 0 where a series of samples is flat."""
    third = len(samples) // 3
    if not third:
        raise ValueError(f"{len(samples)} samples are too few: three at least")
    return sum(samples[-third:]) / third - sum(samples[:third]) / third
