"""The backfill: what was in the table before the start, newest first, at a bounded rate.

It fills the 24 h counts, and tells the hub which items of the catch-up's span are nothing new. Not those that queries
answer for: what the first one found is published, and what it did not is news, even if the index only lagged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamer.change import iso_time, parse_time
from streamer.intake.consumer import RowConsumer
from streamer.tables.sentiment import Backward, SentimentTable

if TYPE_CHECKING:
    from streamer.tables.index import Row


class Backfill:
    """Goes back over a window, the catch-up's span at least, one request at a time. Where both are 0 there is nothing
    to do."""

    def __init__(self, table: SentimentTable, consumer: RowConsumer, *, catchup_ms: int, window_ms: int) -> None:
        self.knows_catchup = False
        """Whether everything of the catch-up's span has been handed over."""
        self.done = not max(catchup_ms, window_ms)
        self._table = table
        self._consumer = consumer
        self._catchup_ms = catchup_ms
        self._window_ms = window_ms
        self._remember = ("", "")
        self._since_ms = 0
        self._pages: Backward | None = None
        self._page: tuple[list[Row], str] | None = None  # read, and not handed over yet

    async def step(self, now_ms: int, queried_ms: int) -> None:
        """One request, and what it gives handed over. Raises TableError; what failed is done again by the next step.
        Queries answer for all after `queried_ms`."""
        if self._pages is None:
            self._pages = self._begin(now_ms, queried_ms)
        if self._page is None:
            self._page = await self._pages.next()
        rows, reached = self._page
        since_ms = parse_time(reached)
        self._since_ms = self._since_ms if since_ms is None else since_ms  # an item's timestamp may be no time
        enough = not self._consumer.backfill(rows, self._since_ms, remember=self._remember)
        self._page = None
        self.knows_catchup = reached <= self._remember[0]
        self.done = self._pages.ended or (enough and self.knows_catchup)

    def _begin(self, now_ms: int, queried_ms: int) -> Backward:
        self._since_ms = now_ms
        self._remember = iso_time(now_ms - self._catchup_ms), iso_time(queried_ms)
        return self._table.back(iso_time(now_ms), iso_time(now_ms - max(self._catchup_ms, self._window_ms)))
