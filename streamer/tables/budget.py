"""How many queries of the table the public may cause."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from streamer.errors import TableError

_BURST_SECONDS: Final = 8  # of queries at once: a hundred clients that all read a page after a `reset`


class QueryBudget:
    """`rate` queries a second in the long run."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._left = self._most = max(1.0, rate * _BURST_SECONDS)
        self._at = clock()

    def check(self) -> None:
        """Called before a page is read. TableError if nothing is left."""
        self._refill()
        if self._left < 1:
            raise TableError("too many queries for snapshots: the budget of SSE_SNAPSHOT_QUERIES is used up")

    def spend(self) -> None:
        """Called before each query. A page that has begun is read to its end: what it takes too much is paid later."""
        self._refill()
        self._left -= 1

    def _refill(self) -> None:
        now = self._clock()
        self._left = min(self._most, self._left + (now - self._at) * self._rate)
        self._at = now
