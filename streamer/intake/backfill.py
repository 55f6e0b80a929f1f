"""The backfill reads the items from before the start, newest first, at a bounded rate.

It fills the 24 h counts, and tells the hub which items of the catch-up's time span are not new. It leaves out the time
span of the first query: an item that the query did not return is new, even if the index only lagged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from streamer.change import is_sortable, iso_time, parse_time
from streamer.intake.consumer import RowConsumer
from streamer.tables.sentiment import Backward, SentimentTable

if TYPE_CHECKING:
    from streamer.tables.index import Row


class Backfill:
    """Reads back over the longer of `catchup_ms` and `window_ms`, one request at a time. Does nothing if both are 0."""

    def __init__(self, table: SentimentTable, consumer: RowConsumer, *, catchup_ms: int, window_ms: int) -> None:
        self.knows_catchup = False
        """Whether all items of the catch-up's time span have been handed over."""
        self.done = not max(catchup_ms, window_ms)
        self._table = table
        self._consumer = consumer
        self._catchup_ms = catchup_ms
        self._window_ms = window_ms
        self._remember = ("", "")
        self._since_ms = 0
        self._pages: Backward | None = None
        self._page: tuple[list[Row], str] | None = None  # was read and is not handed over yet

    async def step(self, now_ms: int, queried_ms: int) -> None:
        """Makes one request and hands over its items. Raises TableError; the next step then repeats the request. The
        queries cover all items after `queried_ms`."""
        if self._pages is None:
            self._pages = self._begin(now_ms, queried_ms)
        if self._page is None:
            self._page = await self._pages.next()
        rows, reached = self._page
        since_ms = parse_time(reached) if is_sortable(reached) else None
        self._since_ms = self._since_ms if since_ms is None else since_ms  # a foreign writer's timestamp may be invalid
        enough = not self._consumer.backfill(rows, self._since_ms, remember=self._remember)
        self._page = None
        self.knows_catchup = reached <= self._remember[0]
        self.done = self._pages.ended or (enough and self.knows_catchup)

    def _begin(self, now_ms: int, queried_ms: int) -> Backward:
        self._since_ms = now_ms
        self._remember = iso_time(now_ms - self._catchup_ms), iso_time(queried_ms)
        return self._table.back(iso_time(now_ms), iso_time(now_ms - max(self._catchup_ms, self._window_ms)))
