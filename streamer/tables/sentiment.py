"""Reads of the sentiment table: queries of new items, consistent reads of single items, and queries back in time."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterable
from typing import Final

from streamer.aws.errors import is_invalid_request
from streamer.change import GONE, LABELS, Key
from streamer.errors import TableError
from streamer.tables.index import INDEX, PROJECTION, WITH_EXPIRY, LabelPages, Row, read_row
from streamer.tables.retry import TableCalls

logger = logging.getLogger(__name__)

_PAGE: Final = 500  # items per page of a query back in time


class SentimentTable:
    """Reads one table. Every method raises TableError."""

    def __init__(self, calls: TableCalls, name: str) -> None:
        self.name = name
        self._calls = calls
        self._projection = WITH_EXPIRY

    async def pages_after(self, since: str) -> AsyncIterator[list[Row]]:
        """Yields pages of all scored items with a timestamp after `since`, eventually consistent. The cost depends on
        the number of these items, not on the size of the table."""
        for label in sorted(LABELS):
            pages = LabelPages(self._calls, self.name, label, condition="#timestamp > :since", values={":since": since})
            pages.projection = self._projection
            while not pages.ended:
                yield await self._next(pages)

    async def read(self, keys: Iterable[Key]) -> list[Row]:
        """Reads items consistently (BatchGetItem). Duplicate keys are read once."""
        absent = dict.fromkeys(keys)
        requested = [{"source_id": {"S": key.source_id}, "timestamp": {"S": key.timestamp}} for key in absent]
        rows = [read_row(item) for item in await self._calls.batch_get(self.name, requested, **WITH_EXPIRY)]
        for key, _ in rows:
            absent.pop(key, None)
        return rows + [(key, GONE) for key in absent]

    async def _next(self, pages: LabelPages) -> list[Row]:
        """Returns the next page. If the index refuses the expiry, requests the page without it, from then on always."""
        try:
            return await pages.next()
        except TableError as error:
            if pages.projection is PROJECTION or not is_invalid_request(error.__cause__):
                raise
            pages.projection = PROJECTION
            rows = await pages.next()
        if self._projection is not PROJECTION:
            self._projection = PROJECTION
            logger.info(
                "the index does not project ttl_timestamp: deletions by TTL that only a query finds are withdrawals",
                extra={"table": self.name, "index": INDEX},
            )
        return rows

    def back(self, before: str, until: str) -> Backward:
        """Returns a reader of the scored items with a timestamp from `before` down to `until`, newest first."""
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
    """Merges the pages of the labels, newest first. After an error `next` retries the request."""

    def __init__(self, labels: list[LabelPages], before: str, until: str) -> None:
        self.ended = False
        """Whether all items were returned."""
        self._labels = labels
        self._until = until
        self._reached = {pages.label: before for pages in labels}
        self._unreturned: list[Row] = []

    async def next(self) -> tuple[list[Row], str]:
        """Makes one request. Returns items, and the timestamp after which all items were returned. Raises
        TableError."""
        open_labels = [pages for pages in self._labels if not pages.ended]
        if open_labels:
            pages = max(open_labels, key=lambda each: self._reached[each.label])
            rows = await pages.next()
            self._unreturned += rows
            if rows:
                self._reached[pages.label] = rows[-1][0].timestamp
        frontier = max((self._reached[pages.label] for pages in self._labels if not pages.ended), default=self._until)
        self.ended = all(pages.ended for pages in self._labels)
        complete = [row for row in self._unreturned if row[0].timestamp >= frontier]
        self._unreturned = [row for row in self._unreturned if row[0].timestamp < frontier]
        return complete, frontier
