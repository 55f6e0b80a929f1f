"""The walk back through what was in the table before the start, at a bounded rate.

It fills the 24 h counts, and tells the hub which items of the catch-up's span are nothing new. Not those that queries
answer for: what the first one found is told, and what it did not is news, even if the index only lagged.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from streamer.change import iso_time, parse_time
from streamer.intake.survey import Spans, Survey

if TYPE_CHECKING:
    from streamer.tables.sentiment import Row, SentimentTable


class Walk:
    """Goes back over the window, the catch-up's span at least, one request at a time; begins when the first query has
    been taken in. What fails goes on where it was. Where both are 0 there is nothing to do."""

    def __init__(self, survey: Survey, spans: Spans) -> None:
        self.knows_catchup = False
        """Whether everything of the catch-up's span has been handed over."""
        self.done = not max(spans.catchup, spans.window)
        self._survey = survey
        self._spans = spans
        self._reached = ""
        self._since_ms = 0
        self._remember = ("", "")
        self._end = ""
        self._pages: Iterator[tuple[list[Row], str]] | None = None

    def step(self, table: SentimentTable, now_ms: int, queried_ms: int) -> None:
        """One request, and what it gives handed over. Raises TableError. Queries answer for all after `queried_ms`."""
        if not self._reached:
            self._begin(now_ms, queried_ms)
        pages, self._pages = self._pages or table.back(self._reached, self._end), None
        rows, reached = next(pages, ([], self._end))
        since_ms = parse_time(reached)
        self._since_ms = self._since_ms if since_ms is None else since_ms  # an item's timestamp may be none
        enough = not self._survey.learn(rows, self._since_ms, remember=self._remember)
        self._reached, self._pages = reached, pages  # not if anything raised: then the same anew
        self.knows_catchup = reached <= self._remember[0]
        self.done = reached <= self._end or (enough and self.knows_catchup)

    def _begin(self, now_ms: int, queried_ms: int) -> None:
        catchup, window = round(self._spans.catchup * 1000), round(self._spans.window * 1000)
        self._reached, self._since_ms = iso_time(now_ms), now_ms
        self._remember = iso_time(now_ms - catchup), iso_time(queried_ms)
        self._end = iso_time(now_ms - max(catchup, window))
