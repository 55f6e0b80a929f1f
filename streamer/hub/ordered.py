"""Counts of integers above a bound, for values that come and go almost in order: dates and numbers of frames."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from typing import Final

_LEAST: Final = 32  # removed values before the lists are rebuilt


class Ordered:
    """A multiset of integers. Adding and removing cost little if each value is close to the greatest one that was added
    (or removed) before. Removed values are kept apart until they are half of all."""

    __slots__ = ("_added", "_removed")

    def __init__(self) -> None:
        self._added: list[int] = []
        self._removed: list[int] = []

    def __len__(self) -> int:
        return len(self._added) - len(self._removed)

    def add(self, value: int) -> None:
        """Adds a value."""
        if self._added and value < self._added[-1]:
            insort(self._added, value)
        else:
            self._added.append(value)

    def remove(self, value: int) -> None:
        """Removes a value once. It must have been added."""
        if self._removed and value < self._removed[-1]:
            insort(self._removed, value)
        else:
            self._removed.append(value)
        if len(self._removed) >= _LEAST and 2 * len(self._removed) >= len(self._added):
            self._rebuild()

    def above(self, bound: int) -> int:
        """Returns the number of values above the bound."""
        added, removed = self._added, self._removed
        return len(added) - bisect_right(added, bound) - len(removed) + bisect_right(removed, bound)

    def between(self, bound: int, last: int) -> Iterator[int]:
        """Yields the values above the bound and up to the last one, in order, and possibly some removed ones."""
        added = self._added
        for index in range(bisect_right(added, bound), bisect_right(added, last)):
            yield added[index]

    def _rebuild(self) -> None:
        removed = iter(self._removed)
        gone = next(removed, None)
        kept: list[int] = []
        for value in self._added:
            if value == gone:
                gone = next(removed, None)
            else:
                kept.append(value)
        self._added, self._removed = kept, []
