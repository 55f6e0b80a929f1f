"""The sentiment table: every version of every item with its true commit time; read consistently, or by an index that
lags differently at each read."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from streamer.change import GONE, LABELS, Item, Key, parse_time, read_item, version
from streamer.errors import TableError
from streamer.tables.index import Row
from tests.unit.hub.simulation.clock import Clock


@dataclass(slots=True)
class Written:
    """An item's history in the table."""

    key: Key
    timestamp_ms: int
    commits: list[int] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    images: list[dict[str, Any] | None] = field(default_factory=list)
    expired: bool = False
    """Whether the TTL deleted it."""

    @property
    def last_ms(self) -> int:
        return self.commits[-1]

    @property
    def may_count_as_expired(self) -> bool:
        """Whether a run may take its deletion for one by the TTL."""
        had_expiry = any(item.expires_at is not None for item in self.items)
        return self.expired or (self.items[-1].absence == "deleted" and had_expiry)

    def index(self, time_ms: int) -> int:
        """Which version it had then; -1: it was not there yet."""
        return bisect_right(self.commits, time_ms) - 1

    def item(self, time_ms: int) -> Item:
        index = self.index(time_ms)
        return GONE if index < 0 else self.items[index]

    def label(self, time_ms: int) -> str | None:
        index = self.index(time_ms)
        image = None if index < 0 else self.images[index]
        return None if image is None else image.get("sentiment")


class Table:
    """What was written."""

    def __init__(self) -> None:
        self.written: dict[Key, Written] = {}
        self.versions: dict[tuple[Key, str], list[str | None]] = {}
        """For each item and ticker what it showed, by number of writes: None where it showed nothing, first always.
        A deletion by TTL withdraws nothing: what was shown stays."""

    def write(
        self, key: Key, image: dict[str, Any] | None, now_ms: int, *, expired: bool = False
    ) -> dict[str, Any] | None:
        """Returns the image before. `expired`: the TTL deletes it."""
        moment = parse_time(key.timestamp)
        assert moment is not None
        written = self.written.setdefault(key, Written(key, moment))
        before = written.images[-1] if written.images else None
        item = GONE if image is None else read_item(image)
        written.commits.append(now_ms)
        written.items.append(item)
        written.images.append(image)
        written.expired = expired
        for ticker in ("AAPL", "MSFT"):
            if expired:
                self.versions[key, ticker].append(self.versions[key, ticker][-1])
                continue
            shown = None if item.state is None or ticker not in item.state.tickers else version(key, ticker, item.state)
            self.versions.setdefault((key, ticker), [None]).append(shown)
        return before

    def snapshot(self) -> dict[tuple[Key, str], str]:
        """What GET /sentiment answers to a client that reads now."""
        return {
            about: versions[-1]
            for about, versions in self.versions.items()
            if versions[-1] is not None and not self.written[about[0]].expired
        }


class Reader:
    """Conforms to SentimentTable for one run of one container; time passes while it reads, and others move on."""

    def __init__(self, clock: Clock, table: Table, name: str, *, lag_ms: int, fails: Callable[[], bool]) -> None:
        self.name = name
        self.found: set[Key] = set()
        """The items that were read, and not gone."""
        self._clock = clock
        self._table = table
        self._lag_ms = lag_ms
        self._fails = fails
        self._reads = 0

    async def pages_after(self, since: str) -> AsyncIterator[list[Row]]:
        since_ms = parse_time(since)
        assert since_ms is not None
        for label in sorted(LABELS):
            await self._pass(0, 700)
            rows = self._seen(label, since_ms)
            await self._pass(0, 100)
            self.found.update(key for key, _ in rows)
            yield rows

    async def read(self, keys: Iterable[Key]) -> list[Row]:
        wanted = list(dict.fromkeys(keys))
        await self._pass(0, 600)
        rows = [(key, self._now(key)) for key in wanted]
        found = {key for key, item in rows if item is not GONE}
        await self._pass(0, 900)
        self.found |= found
        return rows

    def back(self, before: str, until: str) -> Back:
        return Back(self, before, until)

    async def everything(self, before: str, until: str) -> list[Row]:
        until_ms = parse_time(until)
        assert until_ms is not None
        await self._pass(0, 300)
        return [
            row for label in sorted(LABELS) for row in self._seen(label, until_ms - 1) if row[0].timestamp <= before
        ]

    def _now(self, key: Key) -> Item:
        written = self._table.written.get(key)
        return GONE if written is None else written.item(self._clock.now)

    def _seen(self, label: str, since_ms: int) -> list[Row]:
        now, rows = self._clock.now, list[Row]()
        for key, written in self._table.written.items():
            if written.timestamp_ms > since_ms:
                seen_ms = now - round(self._lag_ms * self._clock.noise("lag", self.name, self._reads, key.source_id))
                if written.label(seen_ms) == label:
                    rows.append((key, written.item(seen_ms)))
        return rows

    async def _pass(self, least_ms: int, most_ms: int) -> None:
        self._reads += 1
        if self._fails():
            raise TableError("dynamodb:Query: refused")
        wait = least_ms + (most_ms - least_ms) * self._clock.noise("read", self.name, self._reads) ** 2
        await self._clock.until(self._clock.now + round(wait))
        if self._fails():
            raise TableError("dynamodb:Query: cut")


class Back:
    """Conforms to Backward, in one step."""

    def __init__(self, reader: Reader, before: str, until: str) -> None:
        self.ended = False
        self._reader = reader
        self._before = before
        self._until = until

    async def next(self) -> tuple[list[Row], str]:
        rows = await self._reader.everything(self._before, self._until)
        self.ended = True
        return rows, self._until
