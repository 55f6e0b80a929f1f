"""Configurations that streams show: reads that are shared, changes by push, checks, and what their places claim."""

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
from streamer.place import Place
from streamer.subscriptions import ConfigurationSubscriptions
from tests.factories import NOW_MS, change, state
from tests.unit.streams.fakes import Bench, FakeSink, names
from tests.virtual_loop import VirtualLoop

KEY = ("ada", "chips")
MARGIN_MS = 10_000


class Table:
    """The users table, in the test's hand: a read waits until it is let go."""

    name = "users"

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
            jitter=lambda _, most: most,
        )

    async def show(self) -> tuple[FakeSink, ConfigurationSubscription[Any]]:
        watch = await self.subscriptions.enter(*KEY)
        assert watch is not None
        sink = self.bench.sink()
        watch.streams.add(
            self.bench.delivery.open(sink, choose(watch.shows, None).of(watch), Request(), since=watch.since)
        )
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
    await stand.subscriptions.check()
    assert stand.table.reads == [], "nobody is left"


async def test_who_leaves_before_the_answer_leaves_nothing_behind() -> None:
    stand = Stand()
    stand.table.go.clear()
    asking = asyncio.create_task(stand.subscriptions.enter(*KEY))
    await settle()
    asking.cancel()
    stand.table.go.set()
    await settle()
    assert asking.cancelled()
    await stand.subscriptions.check()
    assert stand.table.reads == []


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
    assert watch.read_ms == NOW_MS + 5000
    del stand.table.tickers[KEY]
    stand.bench.now += 5
    await stand.check()
    assert sink.take_all()[-1]["data"]["reason"] == "configuration_gone"
    stand.subscriptions.leave(watch)
    await stand.check()
    assert len(stand.table.reads) == 2


async def test_a_check_that_fails_proves_nothing() -> None:
    stand = Stand()
    _, watch = await stand.show()
    stand.table.error = TableError("away")
    stand.bench.now += 3
    with pytest.raises(TableError):
        await stand.check()
    assert watch.read_ms == NOW_MS
    assert stand.bench.counters["configurations_failed"] == 1
    stand.table.error = None
    stand.bench.now += 5
    await stand.check()
    assert watch.read_ms == NOW_MS + 8000


async def test_what_somebody_watches_is_shown_to_others_while_the_table_does_not_answer() -> None:
    stand = Stand()
    _, watch = await stand.show()
    stand.table.error = TableError("away")
    assert await stand.subscriptions.enter(*KEY) is watch
    assert watch.claims == 2


async def test_a_table_that_cannot_be_read_holds_back_the_places_of_its_own_streams_only() -> None:
    stand = Stand()
    own, watch = await stand.show()
    everything = stand.bench.sink()
    stand.bench.delivery.open(everything, choose(None, None), Request())
    everything.take_all()
    stand.table.error = TableError("throttled")
    for _ in range(20):
        stand.bench.now += 15
        with pytest.raises(TableError):
            await stand.subscriptions.check()
        stand.bench.hub.proved(stand.bench.wall_ms(), stand.bench.wall_ms() - 180_000, ended_ms=stand.bench.wall_ms())
    now_ms = stand.bench.wall_ms()
    stand.bench.hub.publish(
        [change(state("positive", "AAPL"), 1, committed_at=now_ms // 1000)], dated_ms=now_ms, now_ms=now_ms
    )
    stand.bench.delivery.announce_mode()
    stand.bench.delivery.sweep()  # heartbeats are due
    late = stand.bench.sink()
    stand.bench.delivery.open(late, choose(watch.shows, None).of(watch), Request(replay_ms=600_000))

    def claims(sink: FakeSink) -> list[int]:
        return [Place.parse(event["id"]).time_ms for event in sink.take_all() if "id" in event]

    live, replayed, public = claims(own), claims(late), claims(everything)
    assert (len(live), len(replayed)) == (3, 2)
    assert set(live + replayed) == {watch.read_ms - MARGIN_MS} == {NOW_MS - MARGIN_MS}
    assert set(public) == {now_ms - MARGIN_MS}


class Interval:
    """Stands for Poll."""

    def interval(self) -> float:
        return 15.0


def test_checks_follow_the_interval_of_the_queries_and_one_that_fails_is_made_again_soon(
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = VirtualLoop()

    async def follow() -> None:
        stand = Stand()
        poll: Any = Interval()
        await stand.show()
        running = asyncio.ensure_future(stand.subscriptions.run(poll))
        await asyncio.sleep(100)
        assert 6 <= len(stand.table.reads) <= 8
        stand.table.error = TableError("dynamodb:BatchGetItem: throttled")
        await asyncio.sleep(30)
        stand.table.error = None
        stand.table.put("MSFT")
        await asyncio.sleep(15)
        assert next(iter(stand.subscriptions._subscriptions.values())).shows == frozenset({"MSFT"})
        running.cancel()

    try:
        loop.run_until_complete(follow())
    finally:
        loop.end()
    assert {(line.message, vars(line)["what"]) for line in caplog.records} == {
        ("failed, trying again", "check of configurations in users")
    }
