"""Limits the rate of table queries by public requests: a token bucket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from streamer.errors import TableError

_BURST_SECONDS: Final = 8  # enough for a hundred clients that all read a page after a `reset`


class QueryBudget:
    """Allows `rate` queries per second on average."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = self._capacity = max(1.0, rate * _BURST_SECONDS)
        self._refilled_at = clock()

    def check(self) -> None:
        """Called before a page is read. Raises TableError if the bucket is empty."""
        self._refill()
        if self._tokens < 1:
            raise TableError("too many queries for snapshots: the limit SSE_SNAPSHOT_QUERIES was reached")

    def spend(self) -> None:
        """Called before each query. A started page is completed even if the number of tokens becomes negative."""
        self._refill()
        self._tokens -= 1

    def _refill(self) -> None:
        now = self._clock()
        self._tokens = min(self._capacity, self._tokens + (now - self._refilled_at) * self._rate)
        self._refilled_at = now
