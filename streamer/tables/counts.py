"""The counts of the last 24 hours for the REST function: read from the index with limits, and cached for a minute."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from streamer.change import iso_time, parse_time
from streamer.clock import wall_ms
from streamer.errors import TableError
from streamer.hub.window import Window
from streamer.sse.events import Metrics
from streamer.tables.sentiment import SentimentTable

_DAY_MS: Final = 24 * 60 * 60_000
_AHEAD_MS: Final = 10 * 60_000  # the window counts items with timestamps up to ten minutes in the future


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
        self._table = table
        self._keep = keep
        self._requests = requests
        self._seconds = seconds
        self._now_ms = now_ms
        self._clock = clock
        self._counted: tuple[float, Metrics] | None = None
        self._counting: asyncio.Task[Metrics] | None = None

    async def metrics(self) -> Metrics:
        """Returns the counts, which are complete from `since` on: later than 24 hours ago if a limit was reached.
        Raises TableError if the first query failed."""
        if self._counted is not None and self._clock() - self._counted[0] < self._keep:
            return self._counted[1]
        if self._counting is None:
            self._counting = asyncio.ensure_future(self._count())
            self._counting.add_done_callback(self._done)
        return await asyncio.shield(self._counting)

    def _done(self, counting: asyncio.Task[Metrics]) -> None:
        self._counting = None
        if not counting.cancelled() and counting.exception() is None:  # retrieved even if all callers were cancelled
            self._counted = self._clock(), counting.result()

    async def _count(self) -> Metrics:
        now_ms, began = self._now_ms(), self._clock()
        window = Window(now_ms)  # 60 requests of 500 items: never full
        pages = self._table.back(iso_time(now_ms + _AHEAD_MS), iso_time(now_ms - _DAY_MS))
        requests = 0
        while not pages.ended and requests < self._requests and self._clock() - began < self._seconds:
            try:
                rows, reached = await pages.next()
            except TableError:
                if not requests:
                    raise
                break  # the counts so far are complete from `since` on
            requests += 1
            for key, item in rows:
                if item.state is not None:
                    window.recall(key, item.state, now_ms)
            reached_ms = parse_time(reached)
            if reached_ms is not None:
                window.reach(reached_ms)
        return window.metrics(now_ms)
