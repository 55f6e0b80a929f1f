"""Pages of the newest items, and of series. Newer items come from the hub's memory, older ones from the table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from streamer.clock import wall_ms
from streamer.cursor import Before, Cursor, Page, PageRow
from streamer.hub import series
from streamer.hub.hub import Hub
from streamer.series import SeriesPage, SeriesRequest


class PushTrust(Protocol):
    """How far push is trusted."""

    @property
    def complete_after_ms(self) -> int | None:
        """Push has brought every change of the items with a timestamp after this time (Unix milliseconds); None: push
        is not trusted now."""


class TablePages(Protocol):
    """Reads pages from the table."""

    async def page(self, tickers: frozenset[str] | None, since: str | None, limit: int, cursor: Cursor | None) -> Page:
        """As Present.page, all from the table."""


class Present:
    """Conforms to web's SnapshotReader and SeriesReader."""

    def __init__(
        self, hub: Hub[Any], push: PushTrust, table: TablePages, *, now_ms: Callable[[], int] = wall_ms
    ) -> None:
        self._hub = hub
        self._push = push
        self._table = table
        self._now_ms = now_ms

    async def series(self, request: SeriesRequest) -> SeriesPage:
        """Returns a page of series as of the newest frame."""
        return series.read(self._hub.window, request, self._now_ms(), str(self._hub.place()))

    async def page(self, tickers: frozenset[str] | None, since: str | None, limit: int, cursor: Cursor | None) -> Page:
        """Returns rows of these tickers (None: all), newest first, of items with a timestamp at or after `since`.

        A page from memory shows the state as of one frame (`as_of`), and has fewer than `limit` rows where the memory
        ends. If it would have no row although the table may have some, the page is read from the table. Raises
        TableError.
        """
        after = self._hub.complete_after(self._push.complete_after_ms, self._now_ms())
        before = None if cursor is None else cursor.before
        if after is None or (cursor is not None and not cursor.is_in_memory):
            return await self._table.page(tickers, since, limit, cursor)
        if before is None or before.timestamp > after:
            page = self._from_memory(tickers, since, limit, before, after)
            if page.rows or page.more is None:
                return page
            cursor = page.more
        return await self._table.page(tickers, since, limit, cursor)

    def _from_memory(
        self, tickers: frozenset[str] | None, since: str | None, limit: int, before: Before | None, after: str
    ) -> Page:
        """`after`: the window has all items with a later timestamp."""
        rows: list[PageRow] = []
        as_of = str(self._hub.place())
        last = Before(after, None)
        for held in self._hub.window.newest_first(tickers, None if before is None else before.bound):
            if held.timestamp <= after or (since is not None and held.timestamp < since):
                break
            wanted = [ticker for ticker in held.state.tickers if tickers is None or ticker in tickers]
            if rows and len(rows) + len(wanted) > limit:
                return Page(rows, Cursor({}, before=last), as_of)
            rows += [PageRow(held.key, held.state, ticker) for ticker in wanted]
            last = Before(held.timestamp, held.source_id)
        ended = since is not None and since > after
        return Page(rows, None if ended else Cursor({}, before=Before(after, None)), as_of)
