"""The newest items of a sentiment table, page by page: what GET /sentiment answers from where no hub is asked.

Who asks for the same page while it is read, or within a second, gets the same one: after a `reset`, all clients ask at
once. What failed is not kept.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Hashable
from dataclasses import dataclass, field
from typing import Final

from streamer.aws.errors import describe_call
from streamer.change import LABELS, Key
from streamer.cursor import Cursor, Page, PageRow
from streamer.errors import TableError
from streamer.tables.budget import QueryBudget
from streamer.tables.index import LabelPages, Row
from streamer.tables.recent import RecentPages
from streamer.tables.retry import Spent, TableCalls

MAX_REQUESTS: Final = 4
"""Of one page, those among them that are tried again; a filter that finds little ends it early."""
_MOST_AT_ONCE: Final = 250  # items of one request
_LEAST_AT_ONCE: Final = 25


@dataclass(slots=True)
class _Label:
    """One label's items, newest first."""

    pages: LabelPages
    taken: Key | None
    """The last item that was given, or passed over."""
    found: deque[Row] = field(default_factory=deque)


class SnapshotTable:
    """Reads pages of one sentiment table, eventually consistent."""

    def __init__(
        self,
        calls: TableCalls,
        name: str,
        *,
        budget: QueryBudget | None = None,
        recent: RecentPages | None = None,
    ) -> None:
        """`budget`: of the queries of all pages together; None: no bound."""
        self._calls = calls
        self._name = name
        self._budget = budget
        self._recent = RecentPages() if recent is None else recent
        self._reading: dict[Hashable, asyncio.Future[Page]] = {}

    async def page(self, tickers: frozenset[str] | None, since: str | None, limit: int, cursor: Cursor | None) -> Page:
        """Rows of these tickers (None: of all), newest first, of items with a timestamp not before `since`.

        At most `limit` rows, though one item's rows are never divided; fewer, with a cursor to go on from, where the
        bounded work found no more. Raises TableError.
        """
        question = (tickers, since, limit, None if cursor is None else cursor.write())
        recent = self._recent.get(question)
        if recent is not None:
            return recent
        reading = self._reading.get(question)
        if reading is None:
            asked_ms = self._recent.now()
            reading = asyncio.ensure_future(self._read(tickers, since, limit, cursor or Cursor({})))
            self._reading[question] = reading

            def done(read: asyncio.Future[Page]) -> None:
                del self._reading[question]
                if not read.cancelled() and read.exception() is None:  # seen, though everybody who asked may have left
                    self._recent.put(question, asked_ms, read.result())

            reading.add_done_callback(done)
        return await asyncio.shield(reading)

    async def _read(self, tickers: Collection[str] | None, since: str | None, limit: int, at: Cursor) -> Page:
        if self._budget is not None:
            self._budget.check()
        at_once = min(max(limit, _LEAST_AT_ONCE), _MOST_AT_ONCE) if tickers is None else _MOST_AT_ONCE
        labels = [self._label(label, since, at_once, at) for label in sorted(LABELS - at.ended)]
        rows: list[PageRow] = []
        given: set[Key] = set()
        requests = 0
        refusal: BaseException | None = None

        def admit() -> bool:
            nonlocal requests
            if requests == MAX_REQUESTS:
                return False
            requests += 1
            if self._budget is not None:
                self._budget.spend()
            return True

        while not all(label.pages.ended and not label.found for label in labels):
            if len(rows) >= limit:
                break
            empty = next((label for label in labels if not label.found and not label.pages.ended), None)
            if empty is not None:
                start = empty.pages.start
                if since is not None and start is not None and start.timestamp < since:
                    empty.pages.ended = True  # a cursor from a request that went further back: DynamoDB would refuse it
                    continue
                empty.taken = start  # nothing is held back: all before it has been passed over
                try:
                    empty.found.extend(await empty.pages.next(admit))
                except Spent as spent:
                    refusal = spent.__cause__
                    break
                continue
            label = max((label for label in labels if label.found), key=lambda each: each.found[0][0].timestamp)
            key, item = label.found[0]
            wanted = () if item.state is None or key in given else item.state.tickers
            wanted = tuple(ticker for ticker in wanted if tickers is None or ticker in tickers)
            if rows and len(rows) + len(wanted) > limit:
                break
            label.found.popleft()
            label.taken = key
            given.add(key)
            rows += [PageRow(key, item.state, ticker) for ticker in wanted if item.state is not None]
        else:
            return Page(rows, None)
        more = _cursor(labels, at)
        if more == at and isinstance(refusal, Exception):  # repeats used up all: a client would ask in a circle
            raise TableError(describe_call("dynamodb:Query", refusal)) from refusal
        return Page(rows, more)

    def _label(self, label: str, since: str | None, at_once: int, at: Cursor) -> _Label:
        pages = LabelPages(
            self._calls,
            self._name,
            label,
            condition="#timestamp >= :since" if since else "",
            values={":since": since} if since else {},
            newest_first=True,
            limit=at_once,
            start=at.after.get(label),
        )
        return _Label(pages, pages.start)


def _cursor(labels: Collection[_Label], at: Cursor) -> Cursor:
    """Where the next page begins."""
    ended = {label.pages.label for label in labels if label.pages.ended and not label.found}
    places = {
        label.pages.label: label.taken if label.found else label.pages.start
        for label in labels
        if label.pages.label not in ended
    }
    return Cursor({label: place for label, place in places.items() if place is not None}, at.ended | ended)
