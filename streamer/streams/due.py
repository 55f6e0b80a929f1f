"""A calendar queue: a sweep costs in proportion to what is due, not to what is there.

One bucket for each tick (R. Brown, "Calendar queues", CACM 31(10), 1988).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """An entry of a calendar queue."""

    due: int | None
    """The tick at which it is due; None: it is not scheduled."""


Entry = TypeVar("Entry", bound=Timed)


class CalendarQueue(Generic[Entry]):
    """Entries by tick. Not thread-safe."""

    def __init__(self, tick: float, now: float) -> None:
        """`tick`: seconds; `now`: the clock's seconds."""
        self._tick = tick
        self._next = math.floor(now / tick)
        self._first = self._next
        """The first tick of which entries may be left."""
        self._buckets: dict[int, set[Entry]] = {}

    def schedule(self, moment: float, entry: Entry) -> None:
        """Schedules the entry for this moment instead of the one before; a moment in the past means the next tick."""
        tick = max(math.ceil(moment / self._tick), self._next)
        if entry.due != tick:
            self.cancel(entry)
            entry.due = tick
            self._buckets.setdefault(tick, set()).add(entry)

    def cancel(self, entry: Entry) -> None:
        """Removes the entry."""
        if entry.due is not None:
            bucket = self._buckets[entry.due]
            bucket.discard(entry)
            if not bucket:
                del self._buckets[entry.due]
            entry.due = None

    def take(self, now: float) -> Iterator[Entry]:
        """Removes and yields the entries that are due by now. What the caller does not consume stays due."""
        last = math.floor(now / self._tick)
        while self._first <= last:
            self._next = max(self._next, self._first + 1)
            while self._first in self._buckets:
                entry = next(iter(self._buckets[self._first]))
                self.cancel(entry)
                yield entry
            self._first += 1
