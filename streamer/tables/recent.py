"""A cache of pages, limited by age, number of pages and number of rows."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from streamer.clock import wall_ms
from streamer.cursor import Page

_MAX_PAGES: Final = 256
MAX_ROWS: Final = 20_000  # about 12 MB
_KEEP_MS: Final = 1_000


class RecentPages:
    """Uses the wall clock, because the monotonic clock may stop while a function is frozen. Used in the event loop
    only."""

    def __init__(
        self,
        *,
        keep_ms: int = _KEEP_MS,
        max_pages: int = _MAX_PAGES,
        max_rows: int = MAX_ROWS,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self._keep_ms = keep_ms
        self._max_pages = max_pages
        self._max_rows = max_rows
        self._now_ms = now_ms
        self._pages: dict[Hashable, tuple[int, Page]] = {}  # with the time of the request; the newest last
        self._rows = 0

    def now(self) -> int:
        """Returns the time for `put`: callers take it before they read the page."""
        return self._now_ms()

    def get(self, key: Hashable) -> Page | None:
        """Returns the page if it was requested less than `keep_ms` ago."""
        cached = self._pages.get(key)
        if cached is None:
            return None
        if not 0 <= self._now_ms() - cached[0] < self._keep_ms:  # negative if the clock was set back
            self._remove(key)
            return None
        return cached[1]

    def put(self, key: Hashable, requested_ms: int, page: Page) -> None:
        """Adds a page. Removes the oldest pages above the limits."""
        self._remove(key)
        self._pages[key] = (requested_ms, page)
        self._rows += len(page.rows)
        while len(self._pages) > self._max_pages or self._rows > self._max_rows:
            self._remove(next(iter(self._pages)))

    @property
    def rows(self) -> int:
        """Number of rows on all pages."""
        return self._rows

    def __len__(self) -> int:
        return len(self._pages)

    def _remove(self, key: Hashable) -> None:
        removed = self._pages.pop(key, None)
        if removed is not None:
            self._rows -= len(removed[1].rows)
