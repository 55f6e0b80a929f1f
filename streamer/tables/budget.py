"""Limits the rate of table queries by public requests."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from streamer.errors import TableError
from streamer.token_bucket import TokenBucket

_BURST_SECONDS: Final = 8  # enough for a hundred clients that all read a page after a `reset`


class QueryBudget:
    """Allows `rate` queries per second on average."""

    def __init__(self, rate: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._bucket = TokenBucket(rate, max(1.0, rate * _BURST_SECONDS), clock())

    def check(self) -> None:
        """Called before a page is read. Raises TableError if the bucket is empty."""
        if self._bucket.wait(self._clock()):
            raise TableError("too many queries for snapshots: the limit SSE_SNAPSHOT_QUERIES was reached")

    def spend(self) -> None:
        """Called before each query. A started page is completed even if the number of tokens becomes negative."""
        self._bucket.take(self._clock())
