"""Counts of the items of the last 24 hours, for the event `metrics`.

An item counts at the minute of its `timestamp`, under its label and each of its tickers. A correction moves the item, a
withdrawal removes it. Items with a timestamp more than ten minutes in the future are not counted.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from streamer.change import Key, State, iso_time, parse_time
from streamer.sse.events import Metrics

_MINUTE_MS = 60_000
_DAY_MINUTES = 24 * 60
_FUTURE_MINUTES = 10
_LARGEST = 20


@dataclass(frozen=True, slots=True)
class _Counted:
    minute: int
    state: State


class Window:
    """Counts by label, ticker and minute. It counts all items after `since_ms` and no older ones. Above `limit` items
    it removes the oldest minutes, and `since` moves on."""

    def __init__(self, since_ms: int, *, limit: int = 200_000) -> None:
        self._since_ms = since_ms
        self._limit = limit
        self._full = False  # an item was left out, so it cannot reach further back
        self._items: dict[Key, _Counted] = {}
        self._minutes: dict[int, set[Key]] = {}
        self._labels: Counter[str] = Counter()
        self._tickers: Counter[str] = Counter()
        self.revision = 0
        """Number of changes. Equal revisions mean equal counts."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def limit(self) -> int:
        """Maximum number of items."""
        return self._limit

    def put(self, key: Key, state: State | None, now_ms: int) -> None:
        """Sets an item's state; None removes the item."""
        self._remove(key)
        moment = parse_time(key.timestamp)
        if state is None or moment is None:
            return
        oldest = max(now_ms // _MINUTE_MS - _DAY_MINUTES + 1, self._since_ms // _MINUTE_MS)
        self._count(key, state, moment // _MINUTE_MS, oldest, now_ms)
        while len(self._items) > self._limit:
            first = min(self._minutes)
            self._since_ms, self._full = (first + 1) * _MINUTE_MS, True
            self._drop(first)

    def recall(self, key: Key, state: State, now_ms: int) -> bool:
        """Counts an item from before `since` that is not counted yet; `reach` then says from when on. False: full."""
        self._full = self._full or len(self._items) >= self._limit
        if self._full:
            return False
        moment = parse_time(key.timestamp)
        if key not in self._items and moment is not None:
            self._count(key, state, moment // _MINUTE_MS, now_ms // _MINUTE_MS - _DAY_MINUTES + 1, now_ms)
        return True

    def reach(self, since_ms: int) -> None:
        """It has seen everything since this time; later than before is nothing, and nothing once it was full."""
        if since_ms < self._since_ms and not self._full:
            self._since_ms = since_ms
            self.revision += 1

    def expire(self, now_ms: int) -> None:
        """Takes out what is older than 24 hours."""
        oldest = now_ms // _MINUTE_MS - _DAY_MINUTES
        for minute in [minute for minute in self._minutes if minute <= oldest]:
            self._drop(minute)

    def metrics(self, now_ms: int) -> Metrics:
        """The counts as the event says them."""
        now = now_ms // _MINUTE_MS
        last_hour = sum(len(self._minutes.get(minute, ())) for minute in range(now - 59, now + _FUTURE_MINUTES + 1))
        since_ms = max(self._since_ms, now_ms - _DAY_MINUTES * _MINUTE_MS)
        covered = max(1.0, (now_ms - since_ms) / _MINUTE_MS)
        largest = self._tickers.most_common(_LARGEST)
        by_tag = dict(largest)
        by_tag["other"] = self._tickers.total() - sum(by_tag.values())
        return Metrics(
            total=len(self._items),
            positive=self._labels["positive"],
            neutral=self._labels["neutral"],
            negative=self._labels["negative"],
            by_tag=by_tag,
            rate_last_hour=round(last_hour / min(covered, 60), 3),
            rate_last_24h=round(len(self._items) / covered, 3),
            since=iso_time(since_ms),
            timestamp=iso_time(now_ms),
        )

    def _count(self, key: Key, state: State, minute: int, oldest: int, now_ms: int) -> None:
        if not oldest <= minute <= now_ms // _MINUTE_MS + _FUTURE_MINUTES:
            return
        self._items[key] = _Counted(minute, state)
        self._minutes.setdefault(minute, set()).add(key)
        self._labels[state.label] += 1
        self._tickers.update(state.tickers)
        self.revision += 1

    def _drop(self, minute: int) -> None:
        for key in list(self._minutes[minute]):
            self._remove(key)

    def _remove(self, key: Key) -> None:
        counted = self._items.pop(key, None)
        if counted is None:
            return
        keys = self._minutes[counted.minute]
        keys.discard(key)
        if not keys:
            del self._minutes[counted.minute]
        self._labels[counted.state.label] -= 1
        for ticker in counted.state.tickers:
            self._tickers[ticker] -= 1
            if not self._tickers[ticker]:
                del self._tickers[ticker]
        self.revision += 1
