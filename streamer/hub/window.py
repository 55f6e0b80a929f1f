"""The items of the last 24 hours: for pages of the newest items, and counted for the event `metrics`.

An item counts at the minute of its `timestamp`, under its label and each of its tickers. A correction moves the item; a
withdrawal and a deletion, also by TTL, remove it. An item whose timestamp is more than ten minutes in the future is on
pages at once, and is counted when its time has come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from heapq import merge
from typing import Final

from streamer.change import Key, State, is_sortable, iso_time, parse_time
from streamer.hub.cells import Cell, Cells
from streamer.hub.timeline import Bound, Held, Timeline
from streamer.hub.totals import WindowTotals
from streamer.sse.events import Metrics

_MINUTE_MS: Final = 60_000
_DAY_MINUTES: Final = 24 * 60
_FUTURE_MINUTES: Final = 10
_LARGEST: Final = 20
_MEAN_PLACES: Final = 6
_MOST_AHEAD: Final = 1_000  # items that are more than ten minutes in the future
_PAIRS: Final = 3  # tickers per item, on average, that the limit allows for
_MOST_LEFT_OUT: Final = 1_000


class Window:
    """The items by time and by ticker, and their counts. It counts all items after `since_ms` and no older ones. Above
    `limit` items, or 3 × `limit` pairs of item and ticker, it removes the oldest minutes, and `since` moves on."""

    FUTURE_MINUTES: Final = _FUTURE_MINUTES
    """Items are counted if their timestamp is at most so many minutes in the future."""

    def __init__(self, since_ms: int, *, limit: int = 200_000) -> None:
        self._since_ms = since_ms
        self._limit = limit
        self._full = False  # an item was left out, so it cannot reach further back
        self._known_ms: int | None = None  # every later item was handed over
        self._held_ms = since_ms // _MINUTE_MS * _MINUTE_MS - 1  # every later item that was handed over was accepted
        self._left_out: dict[Key, str] = {}  # items that pages cannot show, and their latest timestamps as text
        self._left_out_for_good = ""  # the latest timestamp of those above _MOST_LEFT_OUT
        self._items: dict[Key, Held] = {}
        self._packed = 0  # the revision at which `_items` was last without gaps
        self._all = Timeline()
        self._by_ticker: dict[str, Timeline] = {}
        self._pairs = 0
        self._ahead: dict[Key, Held] = {}  # items that are not counted yet
        self._minutes: Counter[int] = Counter()
        self._totals = WindowTotals()
        self.cells = Cells(self._ahead)
        self.revision = 0
        """Number of changes. Equal revisions mean equal counts."""

    def __len__(self) -> int:
        return len(self._items)

    def get(self, key: Key) -> State | None:
        """Returns the state of an item; None if the window does not have it."""
        held = self._items.get(key)
        return None if held is None else held.state

    @property
    def limit(self) -> int:
        """Maximum number of items."""
        return self._limit

    def put(self, key: Key, state: State | None, now_ms: int) -> None:
        """Sets an item's state; None removes the item."""
        self._left_out.pop(key, None)
        known = self._items.get(key)
        if known is not None:
            if state is not None and state.tickers == known.state.tickers:
                self._correct(known, state)
                return
            self._remove(key)
        moment = parse_time(key.timestamp)
        if state is None or moment is None:
            return
        oldest = max(now_ms // _MINUTE_MS - _DAY_MINUTES + 1, self._since_ms // _MINUTE_MS)
        self._hold(key, state, moment, oldest, now_ms)
        while len(self._items) > self._limit or self._pairs > self._limit * _PAIRS:
            first = self._all.oldest
            assert first is not None  # noqa: S101 - there are items above the limit
            self._full = True
            self._drop(first.minute)

    def recall(self, key: Key, state: State, now_ms: int) -> bool:
        """Adds an item from before `since`; `reach` then tells from when on all are here. False: it is full."""
        self._full = self._full or len(self._items) >= self._limit or self._pairs >= self._limit * _PAIRS
        if self._full:
            return False
        moment = parse_time(key.timestamp)
        if key not in self._items and moment is not None:
            self._hold(key, state, moment, now_ms // _MINUTE_MS - _DAY_MINUTES + 1, now_ms)
        return True

    def know(self, since_ms: int) -> None:
        """Every item after this time is handed over from now on, or was before."""
        self._known_ms = since_ms

    def reach(self, since_ms: int) -> None:
        """It has seen everything since this time; later than before is nothing, and nothing once it was full."""
        if self._full:
            return
        if self._known_ms is not None:
            self._known_ms = min(self._known_ms, since_ms)
        if since_ms < self._since_ms:
            self._since_ms = self._held_ms = since_ms
            self.revision += 1

    def complete_after(self, now_ms: int) -> str | None:
        """Returns a timestamp: each item with a later one, compared as text, is in the window. None: there is no such
        timestamp."""
        if self._known_ms is None:
            return None
        expired_ms = (now_ms // _MINUTE_MS - _DAY_MINUTES + 1) * _MINUTE_MS - 1
        complete = iso_time(max(0, self._known_ms, self._held_ms, expired_ms))
        return max(complete, self._left_out_for_good, *self._left_out.values())

    def newest_first(self, tickers: Collection[str] | None, before: Bound | None = None) -> Iterator[Held]:
        """Yields the items that have one of these tickers (None: all), the newest first and each once, as far as they
        are less than `before`. Do not change the window while iterating."""
        if tickers is None:
            yield from self._all.newest_first(before)
            return
        timelines = (self._by_ticker.get(ticker) for ticker in tickers)
        previous: Held | None = None
        for held in merge(*(each.newest_first(before) for each in timelines if each is not None), reverse=True):
            if held is not previous:
                yield held
            previous = held

    def counted_since(self, now_ms: int) -> int:
        """Returns the time from which on all items are counted, Unix milliseconds."""
        return max(self._since_ms, now_ms - _DAY_MINUTES * _MINUTE_MS)

    def spans(self, ticker: str, span: int, start: int, end: int) -> Iterator[tuple[int, Cell]]:
        """Yields the aggregates of a ticker, as Cells.spans."""
        timeline = self._by_ticker.get(ticker)
        if timeline is not None:
            yield from self.cells.spans(ticker, timeline, span, start, end)

    def expire(self, now_ms: int) -> None:
        """Removes what is older than 24 hours, and counts the items whose time has come."""
        oldest = now_ms // _MINUTE_MS - _DAY_MINUTES
        while (first := self._all.oldest) is not None and first.minute <= oldest:
            self._drop(first.minute)
        latest = now_ms // _MINUTE_MS + _FUTURE_MINUTES
        for held in [held for held in self._ahead.values() if held.minute <= latest]:
            del self._ahead[held.key]
            self.cells.forget(held)
            self._count(held)
        if self.revision - self._packed > len(self._items):  # an item comes, and one leaves; as in Ledger.expire
            self._items, self._packed = dict(self._items), self.revision

    def metrics(self, now_ms: int) -> Metrics:
        """Returns the counts as the event `metrics` has them."""
        now = now_ms // _MINUTE_MS
        total = self._totals.items
        last_hour = sum(self._minutes[minute] for minute in range(now - 59, now + _FUTURE_MINUTES + 1))
        since_ms = self.counted_since(now_ms)
        covered = max(1.0, (now_ms - since_ms) / _MINUTE_MS)
        largest = self._totals.largest(_LARGEST)
        by_tag = {ticker: total.items for ticker, total in largest}
        by_tag["other"] = self._totals.pairs - sum(by_tag.values())
        return Metrics(
            total=total,
            positive=self._totals.labels["positive"],
            neutral=self._totals.labels["neutral"],
            negative=self._totals.labels["negative"],
            by_tag=by_tag,
            rate_last_hour=round(last_hour / min(covered, 60), 3),
            rate_last_24h=round(total / covered, 3),
            since=iso_time(since_ms),
            timestamp=iso_time(now_ms),
            by_ticker={
                ticker: {**each.labels, "mean": round(each.score / each.items, _MEAN_PLACES)}
                for ticker, each in largest
            },
        )

    def _hold(self, key: Key, state: State, moment: int, oldest: int, now_ms: int) -> None:
        minute = moment // _MINUTE_MS
        timestamp = key.timestamp
        if not is_sortable(timestamp):  # the table has it elsewhere in its order
            timestamp = iso_time(moment)
            self._leave_out(key, max(key.timestamp, timestamp))
        if minute < oldest:
            return
        ahead = minute > now_ms // _MINUTE_MS + _FUTURE_MINUTES
        if ahead and len(self._ahead) >= min(_MOST_AHEAD, self._limit // 10):
            self._leave_out(key, timestamp)
            return
        held = self._items[key] = Held(timestamp, key.source_id, key, state, minute)
        self._all.add(held)
        self.cells.forget(held)
        for ticker in state.tickers:
            timeline = self._by_ticker.get(ticker)
            if timeline is None:
                timeline = self._by_ticker[ticker] = Timeline()
            timeline.add(held)
        self._pairs += len(state.tickers)
        if ahead:
            self._ahead[key] = held
        else:
            self._count(held)

    def _correct(self, known: Held, state: State) -> None:
        """Replaces the state of an item that keeps its tickers, and so its place everywhere."""
        held = self._items[known.key] = known._replace(state=state)
        self._all.replace(held)
        for ticker in state.tickers:
            self._by_ticker[ticker].replace(held)
        self.cells.forget(held)
        if held.key in self._ahead:
            self._ahead[held.key] = held
        else:
            self._totals.remove(known.state)
            self._totals.add(state)
            self.revision += 1

    def _count(self, held: Held) -> None:
        self._minutes[held.minute] += 1
        self._totals.add(held.state)
        self.revision += 1

    def _leave_out(self, key: Key, timestamp: str) -> None:
        if len(self._left_out) < _MOST_LEFT_OUT:
            self._left_out[key] = timestamp
        else:
            self._left_out_for_good = max(self._left_out_for_good, timestamp)

    def _drop(self, minute: int) -> None:
        """Removes the items of this minute and of those before."""
        while (first := self._all.oldest) is not None and first.minute <= minute:
            self._remove(first.key)
        since_ms = (minute + 1) * _MINUTE_MS
        self._since_ms, self._held_ms = max(self._since_ms, since_ms), max(self._held_ms, since_ms - 1)

    def _remove(self, key: Key) -> None:
        held = self._items.get(key)
        if held is None:
            return
        self._all.remove(held)
        self.cells.forget(held)
        self._pairs -= len(held.state.tickers)
        for ticker in held.state.tickers:
            timeline = self._by_ticker[ticker]
            timeline.remove(held)
            if not timeline:
                del self._by_ticker[ticker]
        del self._items[key]
        if self._ahead.pop(key, None) is not None:
            return
        self._minutes[held.minute] -= 1
        if not self._minutes[held.minute]:
            del self._minutes[held.minute]
        self._totals.remove(held.state)
        self.revision += 1
