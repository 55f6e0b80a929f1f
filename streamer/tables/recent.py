"""Pages that were read a moment ago, for whoever asks the same: bounded by number, by rows and by age."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final

from streamer.clock import wall_ms
from streamer.cursor import Page

_MOST_PAGES: Final = 256
_MOST_ROWS: Final = 20_000  # about 12 MB
_KEEP_MS: Final = 1_000


class RecentPages:
    """By the wall clock, since the other one may stand still while a function is frozen. In the event loop."""

    def __init__(
        self,
        *,
        keep_ms: int = _KEEP_MS,
        most_pages: int = _MOST_PAGES,
        most_rows: int = _MOST_ROWS,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self._keep_ms = keep_ms
        self._most_pages = most_pages
        self._most_rows = most_rows
        self._now_ms = now_ms
        self._pages: dict[Hashable, tuple[int, Page]] = {}  # when it was asked for; the newest last
        self._rows = 0

    def now(self) -> int:
        """What `put` wants to know: taken before the page is read."""
        return self._now_ms()

    def get(self, question: Hashable) -> Page | None:
        """The page, if it was asked for less than `keep_ms` ago."""
        kept = self._pages.get(question)
        if kept is None:
            return None
        if not 0 <= self._now_ms() - kept[0] < self._keep_ms:  # also where the clock was set back
            self._forget(question)
            return None
        return kept[1]

    def put(self, question: Hashable, asked_ms: int, page: Page) -> None:
        """Keeps a page; what was kept first goes first."""
        self._forget(question)
        self._pages[question] = (asked_ms, page)
        self._rows += len(page.rows)
        while len(self._pages) > self._most_pages or self._rows > self._most_rows:
            self._forget(next(iter(self._pages)))

    def __len__(self) -> int:
        return len(self._pages)

    def _forget(self, question: Hashable) -> None:
        kept = self._pages.pop(question, None)
        if kept is not None:
            self._rows -= len(kept[1].rows)
