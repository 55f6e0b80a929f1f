"""Reads of the sentiment table: what is new by label, the truth about single items, and the walk back."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from typing import Final

from streamer.change import GONE, LABELS, Key
from streamer.tables.index import PROJECTION, LabelPages, Row, read_row
from streamer.tables.retry import TableCalls

_PAGE: Final = 500  # items of a page of the walk back


class SentimentTable:
    """Reads one table. Every method raises TableError."""

    def __init__(self, calls: TableCalls, name: str) -> None:
        self.name = name
        self._calls = calls

    async def pages_after(self, since: str) -> AsyncIterator[list[Row]]:
        """Every scored item with a timestamp after `since`, as the index shows it now, page by page: eventually
        consistent. The cost follows what is found, not the table."""
        for label in sorted(LABELS):
            pages = LabelPages(self._calls, self.name, label, condition="#timestamp > :since", values={":since": since})
            while not pages.ended:
                yield await pages.next()

    async def read(self, keys: Iterable[Key]) -> list[Row]:
        """These items as the table holds them now, consistently, each once."""
        absent = dict.fromkeys(keys)
        asked = [{"source_id": {"S": key.source_id}, "timestamp": {"S": key.timestamp}} for key in absent]
        rows = [read_row(item) for item in await self._calls.batch_get(self.name, asked, **PROJECTION)]
        for key, _ in rows:
            absent.pop(key, None)
        return rows + [(key, GONE) for key in absent]

    def back(self, before: str, until: str) -> Backward:
        """A walk back through the scored items with a timestamp from `before` down to `until`, newest first."""
        condition, values = "#timestamp BETWEEN :until AND :before", {":until": until, ":before": before}
        return Backward(
            [
                LabelPages(
                    self._calls,
                    self.name,
                    label,
                    condition=condition,
                    values=values,
                    newest_first=True,
                    limit=_PAGE,
                )
                for label in sorted(LABELS)
            ],
            before,
            until,
        )


class Backward:
    """Merges labels' pages, newest first. A step that fails is made again by the next call."""

    def __init__(self, labels: list[LabelPages], before: str, until: str) -> None:
        self.ended = False
        """Whether everything down to the end has been given."""
        self._labels = labels
        self._until = until
        self._reached = {pages.label: before for pages in labels}
        self._held: list[Row] = []

    async def next(self) -> tuple[list[Row], str]:
        """One request: items, and the timestamp after which all items have been given. Raises TableError."""
        open_labels = [pages for pages in self._labels if not pages.ended]
        if open_labels:
            pages = max(open_labels, key=lambda each: self._reached[each.label])
            rows = await pages.next()
            self._held += rows
            if rows:
                self._reached[pages.label] = rows[-1][0].timestamp
        frontier = max((self._reached[pages.label] for pages in self._labels if not pages.ended), default=self._until)
        self.ended = all(pages.ended for pages in self._labels)
        given = [row for row in self._held if row[0].timestamp >= frontier]
        self._held = [row for row in self._held if row[0].timestamp < frontier]
        return given, frontier
