"""A window of the newest items for processes without a hub: read from the index within limits, and kept for a while."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streamer.change import is_sortable, iso_time, parse_time
from streamer.clock import wall_ms
from streamer.errors import TableError
from streamer.hub.window import Window
from streamer.tables.sentiment import SentimentTable

_AHEAD_MS: Final = 10 * 60_000  # the window counts items with timestamps up to ten minutes in the future


@dataclass(frozen=True, slots=True)
class WindowLimits:
    """Limits of one reading of a window."""

    span_ms: int
    """It reads back this far."""
    keep: float
    """Seconds for which a reading is kept."""
    requests: int
    seconds: float = 5.0


class TableWindow:
    """Reads windows of one table. Concurrent callers share one reading."""

    def __init__(
        self,
        table: SentimentTable,
        limits: WindowLimits,
        *,
        now_ms: Callable[[], int] = wall_ms,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._table = table
        self._limits = limits
        self._now_ms = now_ms
        self._clock = clock
        self._kept: tuple[float, tuple[Window, int]] | None = None
        self._reading: asyncio.Task[tuple[Window, int]] | None = None

    async def get(self) -> tuple[Window, int]:
        """Returns a window and the time at which its reading began, Unix milliseconds. The window is complete from its
        `counted_since` on: later than the span says if a limit was reached. Raises TableError if the first query
        failed."""
        if self._kept is not None and 0 <= self._clock() - self._kept[0] < self._limits.keep:
            return self._kept[1]
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read())
            self._reading.add_done_callback(self._done)
        return await asyncio.shield(self._reading)

    def _done(self, reading: asyncio.Task[tuple[Window, int]]) -> None:
        self._reading = None
        if not reading.cancelled() and reading.exception() is None:  # retrieved even if all callers were cancelled
            self._kept = self._clock(), reading.result()

    async def _read(self) -> tuple[Window, int]:
        now_ms, began, limits = self._now_ms(), self._clock(), self._limits
        window = Window(now_ms)  # few requests of 500 items: never full
        pages = self._table.back(iso_time(now_ms + _AHEAD_MS), iso_time(now_ms - limits.span_ms))
        requests = 0
        while not pages.ended and requests < limits.requests and self._clock() - began < limits.seconds:
            try:
                rows, reached = await pages.next()
            except TableError:
                if not requests:
                    raise
                break  # the items so far are complete from `since` on
            requests += 1
            for key, item in rows:
                if item.state is not None:
                    window.recall(key, item.state, now_ms)
            reached_ms = parse_time(reached) if is_sortable(reached) else None
            if reached_ms is not None:
                window.reach(reached_ms)
        return window, now_ms
