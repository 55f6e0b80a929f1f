"""Configurations that streams show: reads that are shared, changes by push, the check beside each query."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from streamer.configuration import Configuration, Notice
from streamer.errors import TableError
from streamer.hub.filters import choose
from streamer.hub.resume import Request
from streamer.hub.subscription import ConfigurationKey, ConfigurationSubscription
from streamer.subscriptions import ConfigurationSubscriptions
from tests.factories import NOW_MS
from tests.unit.streams.fakes import Bench, FakeSink, names

KEY = ("ada", "chips")


class Table:
    """The users table, in the test's hand: a read waits until it is let go."""

    def __init__(self) -> None:
        self.tickers: dict[ConfigurationKey, tuple[str, ...]] = {KEY: ("AAPL",)}
        self.gets: list[ConfigurationKey] = []
        self.reads: list[list[ConfigurationKey]] = []
        self.error: TableError | None = None
        self.go = asyncio.Event()
        self.go.set()

    def put(self, *tickers: str) -> None:
        self.tickers[KEY] = tickers

    def now(self, key: ConfigurationKey) -> Configuration | None:
        if self.error is not None:
            raise self.error
        return (
            Configuration(*key, "Chips", self.tickers[key], "active" if self.tickers[key] else "disabled", '""')
            if key in self.tickers
            else None
        )

    async def get(self, *key: str) -> Configuration | None:
        user_id, config_id = key
        self.gets.append((user_id, config_id))
        found = self.now((user_id, config_id))
        await self.go.wait()
        return found

    async def read(self, keys: Iterable[ConfigurationKey]) -> Mapping[ConfigurationKey, Configuration | None]:
        self.reads.append(list(keys))
        return {key: self.now(key) for key in keys}


class Stand:
    """A registry over a bench."""

    def __init__(self) -> None:
        self.bench, self.table = Bench(), Table()
        table: Any = self.table
        self.subscriptions = ConfigurationSubscriptions(
            table,
            self.bench.hub,
            self.bench.delivery,
            self.bench.counters,
            now_ms=self.bench.wall_ms,
            clock=lambda: self.bench.now,
            jitter=lambda _, most: most,
        )

    async def show(self) -> tuple[FakeSink, ConfigurationSubscription[Any]]:
        watch = await self.subscriptions.enter(*KEY)
        assert watch is not None
        sink = self.bench.sink()
        watch.streams.add(self.bench.delivery.open(sink, choose(watch.shows, None), Request(), since=watch.since))
        sink.take_all()
        return sink, watch

    def told(self, shows: Iterable[str] | None, seq: int, *, after: float = 0) -> None:
        shown = None if shows is None else frozenset(shows)
        second = round(self.bench.wall_ms() / 1000 + after)
        self.subscriptions.received([Notice(*KEY, shown, seq, second)])

    async def check(self) -> None:
        await self.subscriptions.check()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_who_asks_at_once_shares_one_read_and_who_comes_later_has_one_of_their_own() -> None:
    stand = Stand()
    stand.table.go.clear()
    asking = [asyncio.create_task(stand.subscriptions.enter(*KEY)) for _ in range(20)]
    await settle()
    asking.pop().cancel()
    stand.table.go.set()
    watches = await asyncio.gather(*asking)
    assert len(set(map(id, watches))) == len(stand.table.gets) == 1
    assert watches[0] is not None
    assert watches[0].claims == 19
    await stand.subscriptions.enter(*KEY)
    assert len(stand.table.gets) == 2
    for watch in [*watches, watches[0]]:
        assert watch is not None
        stand.subscriptions.leave(watch)
    assert stand.subscriptions.proved_ms() is None, "nobody is left"


async def test_who_leaves_before_the_answer_leaves_nothing_behind() -> None:
    stand = Stand()
    stand.table.go.clear()
    asking = asyncio.create_task(stand.subscriptions.enter(*KEY))
    await settle()
    asking.cancel()
    stand.table.go.set()
    await settle()
    assert asking.cancelled()
    assert stand.subscriptions.proved_ms() is None


async def test_what_is_not_there_and_what_is_disabled_is_none() -> None:
    stand = Stand()
    assert await stand.subscriptions.enter("grace", "chips") is None
    stand.table.put()
    assert await stand.subscriptions.enter(*KEY) is None
    stand.table.error = TableError("away")
    with pytest.raises(TableError):
        await stand.subscriptions.enter(*KEY)
    assert stand.bench.counters["configurations_failed"] == 1


async def test_a_change_is_told_by_push_and_a_name_s_change_is_none() -> None:
    stand = Stand()
    sink, _ = await stand.show()
    stand.bench.now += 5
    stand.told(["AAPL"], 1)
    assert sink.take_all() == []
    stand.told(["MSFT"], 2)
    assert names(sink.take_all()) == ["reset", "heartbeat"]
    stand.told(None, 3)
    assert sink.take_all()[-1]["data"]["reason"] == "configuration_gone"
    assert len(stand.table.gets) == 1, "the clocks decide"


async def test_what_the_clocks_cannot_decide_is_read_and_a_read_that_was_overtaken_again() -> None:
    stand = Stand()
    sink, watch = await stand.show()
    stand.table.go.clear()
    stand.told(["MSFT"], 1)
    await settle()
    assert len(stand.table.gets) == 2
    stand.bench.now += 0.1
    stand.table.put("MSFT")
    stand.told(["MSFT"], 2)
    stand.table.go.set()
    await settle()
    assert len(stand.table.gets) == 3, "the second notice came while it read"
    assert watch.shows == frozenset({"MSFT"})
    assert names(sink.take_all()) == ["reset", "heartbeat"]


async def test_a_notice_that_overtakes_the_first_read_is_not_lost() -> None:
    stand = Stand()
    stand.table.go.clear()
    asking = asyncio.create_task(stand.subscriptions.enter(*KEY))
    await settle()
    stand.table.put("MSFT")
    stand.told(["MSFT"], 1)
    stand.table.go.set()
    watch = await asking
    assert watch is not None
    assert watch.shows == frozenset({"MSFT"})
    assert len(stand.table.gets) == 2


async def test_the_check_reads_what_is_shown_and_nothing_else() -> None:
    stand = Stand()
    await stand.check()
    assert stand.table.reads == []
    sink, watch = await stand.show()
    stand.bench.now += 5
    stand.table.put("MSFT")
    await stand.check()
    assert stand.table.reads == [[KEY]]
    assert names(sink.take_all()) == ["reset", "heartbeat"]
    assert stand.subscriptions.proved_ms() == NOW_MS + 5000
    del stand.table.tickers[KEY]
    stand.bench.now += 5
    await stand.check()
    assert sink.take_all()[-1]["data"]["reason"] == "configuration_gone"
    stand.subscriptions.leave(watch)
    assert stand.subscriptions.proved_ms() is None


async def test_a_check_that_fails_proves_nothing_and_pauses() -> None:
    stand = Stand()
    await stand.show()
    stand.table.error = TableError("away")
    for _ in range(3):
        stand.bench.now += 3
        await stand.check()
    assert len(stand.table.reads) == 1
    assert stand.subscriptions.proved_ms() == NOW_MS
    stand.table.error = None
    stand.bench.now += 5
    await stand.check()
    assert stand.subscriptions.proved_ms() == NOW_MS + 14_000


async def test_what_somebody_watches_is_shown_to_others_while_the_table_does_not_answer() -> None:
    stand = Stand()
    _, watch = await stand.show()
    stand.table.error = TableError("away")
    assert await stand.subscriptions.enter(*KEY) is watch
    assert watch.claims == 2


async def test_a_first_read_that_took_longer_than_places_wait_is_made_again() -> None:
    stand = Stand()
    stand.table.go.clear()
    asking = asyncio.create_task(stand.subscriptions.enter(*KEY))
    await settle()
    stand.bench.now += 30
    stand.bench.hub.proved(NOW_MS + 25_000, NOW_MS)
    stand.table.go.set()
    watch = await asking
    assert watch is not None
    assert watch.read_ms == NOW_MS + 30_000
