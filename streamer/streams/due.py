"""A calendar queue with one bucket per tick (R. Brown, "Calendar queues", CACM 31(10), 1988).

The cost of a sweep is proportional to the number of due entries, not to the number of all entries.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """An entry of a calendar queue."""

    due: int | None
    """Tick at which the entry is due; None if the entry is not scheduled."""


Entry = TypeVar("Entry", bound=Timed)


class CalendarQueue(Generic[Entry]):
    """Not thread-safe."""

    def __init__(self, tick: float, now: float) -> None:
        """`tick`: length of a tick in seconds. `now`: the clock's time in seconds."""
        self._tick = tick
        self._next = math.floor(now / tick)
        self._first = self._next
        """The first tick whose bucket may have entries."""
        self._buckets: dict[int, set[Entry]] = {}

    def schedule(self, moment: float, entry: Entry) -> None:
        """Schedules or reschedules the entry. A moment in the past is the next tick."""
        tick = max(math.ceil(moment / self._tick), self._next)
        if entry.due != tick:
            self.cancel(entry)
            entry.due = tick
            self._buckets.setdefault(tick, set()).add(entry)

    def cancel(self, entry: Entry) -> None:
        """Removes the entry. Does nothing if the entry is not scheduled."""
        if entry.due is not None:
            bucket = self._buckets[entry.due]
            bucket.discard(entry)
            if not bucket:
                del self._buckets[entry.due]
            entry.due = None

    def take(self, now: float) -> Iterator[Entry]:
        """Removes and yields the due entries. An entry that the caller does not consume stays due."""
        last = math.floor(now / self._tick)
        while self._first <= last:
            self._next = max(self._next, self._first + 1)
            while self._first in self._buckets:
                entry = next(iter(self._buckets[self._first]))
                self.cancel(entry)
                yield entry
            self._first += 1
