"""The counts of the last 24 hours for the REST function: read from the index with limits, and cached for a minute."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from streamer.clock import wall_ms
from streamer.sse.events import Metrics
from streamer.tables.sentiment import SentimentTable
from streamer.tables.window import TableWindow, WindowLimits

_DAY_MS: Final = 24 * 60 * 60_000


class Counts:
    """Counts the items of one table. Concurrent callers share one count."""

    def __init__(
        self,
        table: SentimentTable,
        *,
        keep: float = 60.0,
        requests: int = 60,
        seconds: float = 5.0,
        now_ms: Callable[[], int] = wall_ms,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`keep`: seconds for which counts are cached. `requests` and `seconds`: limits of one count."""
        limits = WindowLimits(_DAY_MS, keep, requests, seconds)
        self._window = TableWindow(table, limits, now_ms=now_ms, clock=clock)

    async def metrics(self) -> Metrics:
        """Returns the counts, which are complete from `since` on: later than 24 hours ago if a limit was reached.
        Raises TableError if the first query failed."""
        window, now_ms = await self._window.get()
        return window.metrics(now_ms)
