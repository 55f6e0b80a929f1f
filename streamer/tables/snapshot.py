"""Pages of the newest items of a sentiment table, for GET /sentiment.

Identical requests at the same time, or within a second, share one page: after a `reset` all clients request it at once.
Errors are not cached.
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
"""Maximum number of requests for one page, including retries. A page may end early if few items match the filter."""
_MAX_ITEMS: Final = 250  # per request
_MIN_ITEMS: Final = 25


@dataclass(slots=True)
class _Label:
    """The items of one label, newest first."""

    pages: LabelPages
    passed: Key | None
    """The last item that is on a page, or was skipped."""
    found: deque[Row] = field(default_factory=deque)
    """Items that were read and are not on a page yet."""


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
        """`budget`: limits the queries of all pages together; None: unlimited."""
        self._calls = calls
        self._name = name
        self._budget = budget
        self._recent = RecentPages() if recent is None else recent
        self._reading: dict[Hashable, asyncio.Future[Page]] = {}

    async def page(self, tickers: frozenset[str] | None, since: str | None, limit: int, cursor: Cursor | None) -> Page:
        """Returns rows of these tickers (None: all), newest first, of items with a timestamp at or after `since`.

        A page has at most `limit` rows, except that the rows of one item are never split. It has fewer rows, and a
        cursor, if the limit of requests was reached. Raises TableError.
        """
        request = (tickers, since, limit, None if cursor is None else cursor.write())
        recent = self._recent.get(request)
        if recent is not None:
            return recent
        reading = self._reading.get(request)
        if reading is None:
            requested_ms = self._recent.now()
            reading = asyncio.ensure_future(self._read(tickers, since, limit, cursor or Cursor({})))
            self._reading[request] = reading

            def done(read: asyncio.Future[Page]) -> None:
                del self._reading[request]
                if not read.cancelled() and read.exception() is None:  # retrieved even if all callers were cancelled
                    self._recent.put(request, requested_ms, read.result())

            reading.add_done_callback(done)
        return await asyncio.shield(reading)

    async def _read(self, tickers: Collection[str] | None, since: str | None, limit: int, at: Cursor) -> Page:
        if self._budget is not None:
            self._budget.check()
        if since is not None and at.before is not None and at.before.timestamp < since:
            return Page([], None)
        page_size = min(max(limit, _MIN_ITEMS), _MAX_ITEMS) if tickers is None else _MAX_ITEMS
        labels = [self._label(label, since, page_size, at) for label in sorted(LABELS - at.ended)]
        rows: list[PageRow] = []
        done: set[Key] = set()
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
                    # The cursor is of a request with an older `since`: DynamoDB would reject it.
                    empty.pages.ended = True
                    continue
                empty.passed = start  # all items before it are on a page, or were skipped
                try:
                    empty.found.extend(await empty.pages.next(admit))
                except Spent as spent:
                    refusal = spent.__cause__
                    break
                continue
            label = max((label for label in labels if label.found), key=lambda each: each.found[0][0].timestamp)
            key, item = label.found[0]
            wanted = () if item.state is None or key in done else item.state.tickers
            if at.before is not None and at.before.passed(key):
                wanted = ()
            wanted = tuple(ticker for ticker in wanted if tickers is None or ticker in tickers)
            if rows and len(rows) + len(wanted) > limit:
                break
            label.found.popleft()
            label.passed = key
            done.add(key)
            rows += [PageRow(key, item.state, ticker) for ticker in wanted if item.state is not None]
        else:
            return Page(rows, None)
        more = _cursor(labels, at)
        if more == at and isinstance(refusal, Exception):  # only retries: with the same cursor, the client would loop
            raise TableError(describe_call("dynamodb:Query", refusal)) from refusal
        return Page(rows, more)

    def _label(self, label: str, since: str | None, page_size: int, at: Cursor) -> _Label:
        condition, values = _condition(since, at)
        pages = LabelPages(
            self._calls,
            self._name,
            label,
            condition=condition,
            values=values,
            newest_first=True,
            limit=page_size,
            start=at.after.get(label),
        )
        return _Label(pages, pages.start)


def _condition(since: str | None, at: Cursor) -> tuple[str, dict[str, str]]:
    """Returns the condition on the timestamp, and its values."""
    if at.before is None:
        return ("#timestamp >= :since", {":since": since}) if since else ("", {})
    until = {":until": at.before.timestamp}
    if since:
        return "#timestamp BETWEEN :since AND :until", {":since": since, **until}
    return "#timestamp <= :until", until


def _cursor(labels: Collection[_Label], at: Cursor) -> Cursor:
    """Returns the cursor of the next page. `at`: the cursor of this page."""
    ended = {label.pages.label for label in labels if label.pages.ended and not label.found}
    positions = {
        label.pages.label: label.passed if label.found else label.pages.start
        for label in labels
        if label.pages.label not in ended
    }
    return Cursor({label: key for label, key in positions.items() if key is not None}, at.ended | ended, at.before)
