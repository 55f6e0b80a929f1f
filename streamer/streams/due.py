"""What is due when: a calendar queue, so that a sweep costs what is due and not what is there.

One bucket for each tick (R. Brown, "Calendar queues", CACM 31(10), 1988).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar


class Timed(Protocol):
    """Something that is due once."""

    due: int | None
    """The tick; None: it is not."""


Entry = TypeVar("Entry", bound=Timed)


class Due(Generic[Entry]):
    """Entries by tick. Not thread-safe."""

    def __init__(self, tick: float, now: float) -> None:
        """`tick`: seconds; `now`: the clock's seconds."""
        self._tick = tick
        self._next = math.floor(now / tick)
        self._first = self._next
        """The first tick that was not taken to its end."""
        self._buckets: dict[int, set[Entry]] = {}

    def at(self, moment: float, entry: Entry) -> None:
        """The entry is due at this moment, and not when it was before; a moment that is over means the next tick."""
        tick = max(math.ceil(moment / self._tick), self._next)
        if entry.due != tick:
            self.never(entry)
            entry.due = tick
            self._buckets.setdefault(tick, set()).add(entry)

    def never(self, entry: Entry) -> None:
        """The entry is not due any more."""
        if entry.due is not None:
            bucket = self._buckets[entry.due]
            bucket.discard(entry)
            if not bucket:
                del self._buckets[entry.due]
            entry.due = None

    def take(self, now: float) -> Iterator[Entry]:
        """What is due by now, each once; it is not due again before `at` says so. What is not taken stays due."""
        last = math.floor(now / self._tick)
        while self._first <= last:
            self._next = max(self._next, self._first + 1)
            while self._first in self._buckets:
                entry = next(iter(self._buckets[self._first]))
                self.never(entry)
                yield entry
            self._first += 1
