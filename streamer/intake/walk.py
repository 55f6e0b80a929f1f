"""The walk back through what was in the table before the start, at a bounded rate.

It fills the 24 h counts, and tells the hub which items of the catch-up's span are nothing new.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamer.change import iso_time, parse_time
from streamer.intake.survey import Survey

if TYPE_CHECKING:
    from streamer.tables.sentiment import Row, SentimentTable


class Walk:
    """Goes back `window` seconds, `catchup` at least, one request at a time. What fails goes on where it was."""

    def __init__(self, survey: Survey, catchup: float, window: float) -> None:
        self.knows_catchup = False
        """Whether everything of the catch-up's span has been handed over."""
        self.done = False
        self._survey = survey
        self._catchup_ms = round(catchup * 1000)
        self._window_ms = max(self._catchup_ms, round(window * 1000))
        self._reached = ""
        self._remember = ""
        self._end = ""
        self._pages: Iterator[tuple[list[Row], str]] | None = None

    def step(self, table: SentimentTable, now_ms: int) -> None:
        """One request, and what it gives handed over. Raises TableError."""
        if not self._reached:
            self._reached = iso_time(now_ms)
            self._remember = iso_time(now_ms - self._catchup_ms)
            self._end = iso_time(now_ms - self._window_ms)
        pages, self._pages = self._pages or table.back(self._reached, self._end), None
        rows, self._reached = next(pages, ([], self._end))
        self._pages = pages  # not if it raised: a generator that did is at its end
        since_ms = parse_time(self._reached)
        enough = since_ms is not None and not self._survey.learn(rows, since_ms, remember=self._remember)
        self.knows_catchup = self._reached <= self._remember
        self.done = self._reached <= self._end or (enough and self.knows_catchup)
