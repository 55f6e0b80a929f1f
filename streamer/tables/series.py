"""Series of the last hour for the REST function: read from the index with few queries, and kept for a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from streamer.clock import wall_ms
from streamer.hub import series
from streamer.series import SeriesPage, SeriesRequest
from streamer.tables.sentiment import SentimentTable
from streamer.tables.snapshot import MAX_REQUESTS
from streamer.tables.window import TableWindow, WindowLimits

_HOUR_MS: Final = 60 * 60_000
_KEEP: Final = 1.0


class SeriesTable:
    """Conforms to web's SeriesReader."""

    def __init__(
        self,
        table: SentimentTable,
        *,
        now_ms: Callable[[], int] = wall_ms,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        limits = WindowLimits(_HOUR_MS, _KEEP, MAX_REQUESTS)
        self._window = TableWindow(table, limits, now_ms=now_ms, clock=clock)

    async def series(self, request: SeriesRequest) -> SeriesPage:
        """Returns a page of the last hour, or of less, as `since` says. All tickers share the queries. Raises
        TableError."""
        window, now_ms = await self._window.get()
        return series.read(window, request, now_ms, None)
