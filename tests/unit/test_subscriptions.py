"""Configurations that streams show: reads that are shared, changes by push, checks, and what their places claim."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.configuration import Configuration, Notice
from streamer.errors import TableError
from streamer.hub.filters import choose
from streamer.hub.resume import Request
from streamer.hub.subscription import ConfigurationKey, ConfigurationSubscription
from streamer.place import Place
from streamer.subscriptions import ROTATION, ConfigurationSubscriptions
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
    assert stand.subscriptions, "the stream's route asks whether there is a users table"
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

    def __init__(self, verifies: bool = False) -> None:
        self.verifies = verifies

    def interval(self) -> float:
        return 15.0 if self.verifies else 5.0


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
        assert 18 <= len(stand.table.reads) <= 22
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


def many(stand: Stand, count: int) -> list[ConfigurationKey]:
    keys = [("ada", f"config-{number}") for number in range(count)]
    stand.table.tickers |= dict.fromkeys(keys, ("AAPL",))
    return keys


def oldest(stand: Stand) -> float:
    """Seconds since the read of the configuration that was read longest ago."""
    reads = [each.read_ms for each in stand.subscriptions._subscriptions.values()]
    assert min(reads) == stand.subscriptions.proved_ms
    return (stand.bench.wall_ms() - min(reads)) / 1000


async def test_while_push_is_trusted_each_configuration_is_read_every_five_minutes_and_the_reads_are_spread() -> None:
    stand = Stand()
    for key in many(stand, 500):
        await stand.subscriptions.enter(*key)
    ages = list[float]()
    for _ in range(240):  # an hour
        stand.bench.now += 15
        await stand.subscriptions.check(15)
        ages.append(oldest(stand))
    assert max(ages) <= ROTATION
    assert max(map(len, stand.table.reads)) <= 500 * 15 / 270 + 1, "no bursts, although all were read at once before"
    assert sum(map(len, stand.table.reads)) <= 500 * 3_600 / 270, "a read in four and a half minutes"
    last_round = [key for read in stand.table.reads[-18:] for key in read]
    assert len(set(last_round)) == len(last_round) == 500, "one after the other"


async def test_a_single_configuration_is_not_read_more_often_because_it_is_alone() -> None:
    stand = Stand()
    await stand.show()
    for _ in range(240):
        stand.bench.now += 15
        await stand.subscriptions.check(15)
        assert oldest(stand) <= ROTATION
    assert len(stand.table.reads) <= 3_600 / 270


async def test_who_waits_does_not_wait_longer_because_those_that_were_just_read_leave() -> None:
    stand = Stand()
    shown = [await stand.subscriptions.enter(*key) for key in many(stand, 40)]
    for _ in range(9):  # half of a rotation
        stand.bench.now += 15
        await stand.subscriptions.check(15)
    read = {key for keys in stand.table.reads for key in keys}
    assert len(read) == 20
    for each in shown:
        assert each is not None
        if each.key in read:
            stand.subscriptions.leave(each)
    for _ in range(40):
        stand.bench.now += 15
        await stand.subscriptions.check(15)
        assert oldest(stand) <= ROTATION


async def test_after_reads_failed_all_that_became_due_are_read() -> None:
    stand = Stand()
    for key in many(stand, 20):
        await stand.subscriptions.enter(*key)
    stand.table.error = TableError("away")
    for _ in range(40):
        stand.bench.now += 15
        with pytest.raises(TableError):
            await stand.subscriptions.check(15)
    stand.table.error = None
    await stand.subscriptions.check(15)
    assert oldest(stand) == 0


@given(
    st.floats(5, 120),
    st.lists(
        st.tuples(st.sampled_from(["enter", "leave", "again", "check", "fail"]), st.integers(0, 30)), max_size=150
    ),
)
def test_no_configuration_waits_longer_whoever_comes_and_goes(interval: float, steps: list[tuple[str, int]]) -> None:
    """Between two checks there are at most 1.1 intervals, as `run` has it; a failed check counts as none."""
    bound = max(interval, ROTATION - 2 * interval) + 1.1 * interval

    async def live() -> None:
        stand = Stand()
        keys, shown = many(stand, 31), list[ConfigurationSubscription[Any]]()
        for step, number in steps:
            if step in ("enter", "again"):
                found = await stand.subscriptions.enter(*keys[number])
                assert found is not None
                shown.append(found)
            elif step == "leave" and shown:
                stand.subscriptions.leave(shown.pop(number % len(shown)))
            elif step == "fail":
                stand.table.error = TableError("away")
                if stand.subscriptions.proved_ms is not None and oldest(stand) > bound - 1.1 * interval:
                    with pytest.raises(TableError):
                        await stand.subscriptions.check(interval)
                stand.table.error = None
            else:
                stand.bench.now += interval * (0.9 + number % 3 / 10)
                await stand.subscriptions.check(interval)
                if stand.subscriptions.proved_ms is not None:
                    assert oldest(stand) <= bound

    asyncio.run(live())


def test_when_push_is_not_trusted_any_more_all_configurations_are_read_at_once() -> None:
    loop = VirtualLoop()

    async def follow() -> None:
        stand, interval = Stand(), Interval(verifies=True)
        poll: Any = interval
        for key in many(stand, 50):
            await stand.subscriptions.enter(*key)
        running = asyncio.ensure_future(stand.subscriptions.run(poll))
        await asyncio.sleep(1)
        assert stand.table.reads == []
        interval.verifies = False
        stand.subscriptions.check_soon()
        await asyncio.sleep(0.1)
        assert list(map(len, stand.table.reads)) == [50]
        running.cancel()

    try:
        loop.run_until_complete(follow())
    finally:
        loop.end()
