"""Everything that grows is bounded and shown: with the tables down, the queue silent, and clients that do not read."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import re
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from streamer.aws.worker import Worker
from streamer.change import Item, Key, iso_time
from streamer.configuration import Configuration
from streamer.cursor import Page, PageRow
from streamer.errors import TableError
from streamer.hub.cells import MAX_CELLS
from streamer.hub.filters import Filter, choose
from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.resume import Request
from streamer.hub.timeline import Held, Timeline
from streamer.hub.window import Window
from streamer.intake.failover import Failover
from streamer.intake.poll import MOST_ASKED, Poll, PollSettings
from streamer.intake.receive import decode_message
from streamer.memory import ITEM_BYTES, NAMES, Memory, Usage
from streamer.publisher import LOGGED_KEYS, Publisher
from streamer.streams.admission import Admission, Slot
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.openings import MAX_ADDRESSES, Openings
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.subscriptions import REMEMBERED, ConfigurationSubscriptions
from streamer.tables.recent import RecentPages
from streamer.telemetry.counters import Counters, Lags
from streamer.telemetry.log_queue import LogQueue
from streamer.web.sentiment import KEPT_ROWS, write_row
from tests.factories import NOW_MS, change, state
from tests.unit.streams.fakes import FakeSink
from tests.unit.test_publisher import message, record

STREAMS = 40
ITEMS = 1_000
HISTORY_BYTES = 200_000
SLOW_BYTES = 4_096
CALLS = 5


class Down:
    """Both tables: they answer until they are down."""

    name = "down"

    def __init__(self) -> None:
        self.down = False

    async def read(self, _: object) -> Any:
        await asyncio.sleep(0)
        raise TableError("down")

    async def get(self, user_id: str, config_id: str) -> Configuration:
        if self.down:
            raise TableError("down")
        return Configuration(user_id, config_id, "Chips", ("AAPL",), "active", '""')


class Stand:
    """A service's parts with small bounds and a clock in the test's hand."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.tables = Down()
        tables: Any = self.tables
        counters = Counters()
        failover = Failover(NOW_MS)
        self.hub: Hub[OpenStream] = Hub(
            run=1,
            ledger=Ledger(limit=ITEMS, least_ms=60_000),
            history=History(limit_bytes=HISTORY_BYTES),
            window=Window(NOW_MS - 3_600_000, limit=ITEMS),
        )
        self.delivery = Delivery(
            self.hub,
            counters,
            lambda: CurrentMode("down", "nothing answers", NOW_MS),
            Timing(lifetime=1e9, slow_bytes=SLOW_BYTES),
            clock=self.clock,
            now_ms=self.wall_ms,
            randomness=random.Random(7),
        )
        self.subscriptions = ConfigurationSubscriptions(tables, self.hub, self.delivery, counters, now_ms=self.wall_ms)
        self.publisher = Publisher(
            self.hub, self.delivery, counters, Lags(), subscriptions=self.subscriptions, now_ms=self.wall_ms
        )
        self.admission = Admission(STREAMS, per_address=STREAMS, openings=Openings(1e9, 1, clock=self.clock))
        self.poll = Poll(tables, self.publisher, self, failover, PollSettings(), now=self.wall_ms)
        self.pages = RecentPages(max_rows=500, now_ms=self.wall_ms)
        self.worker = Worker("test", limit=CALLS)
        self.memory = Memory(
            self.hub,
            self.delivery,
            self.admission,
            self.publisher,
            self.poll,
            pages=self.pages,
            workers={self.worker: CALLS},
        )
        self.memory.subscriptions = self.subscriptions

    def clock(self) -> float:
        return self.now

    def wall_ms(self) -> int:
        return NOW_MS + round((self.now - 1000) * 1000)

    def hear(self, _: object) -> None: ...

    def usage(self) -> dict[str, Usage]:
        """Checks each structure against its bounds. A flush closes the streams that the one before made slow, so the
        write buffers may exceed theirs by one flush."""
        usage = self.memory.usage()
        flushed = STREAMS * 1_000
        assert set(usage) == set(NAMES)
        for name, each in usage.items():
            assert each.limit is None or each.items <= each.limit, (name, each)
            more = flushed if name == "unsent" else 0
            assert each.bytes_limit is None or each.bytes <= each.bytes_limit + more, (name, each)
        return usage

    def publish(self, number: int, count: int) -> None:
        """So many new items by push, as the queue's last messages."""
        moment = iso_time(self.wall_ms())
        changes = [
            change(
                state("positive", f"T{(number + each) % 50}"),
                number + each,
                key=Key(f"wire:{number + each}", moment),
                committed_at=self.wall_ms() // 1000,
            )
            for each in range(count)
        ]
        self.hub.publish(changes, dated_ms=self.wall_ms(), now_ms=self.wall_ms())
        self.delivery.flush()


@contextmanager
def unread_logs(size: int) -> Iterator[LogQueue]:
    """Logs into a pipe that nobody reads."""
    reading, writing = os.pipe()
    logs = LogQueue(writing, max_bytes=size)
    try:
        yield logs
    finally:
        os.close(reading)
        logs.close()
        assert logs.join(60)
        os.close(writing)


async def test_streams_and_what_they_wait_for_are_bounded_while_the_tables_are_down_and_nobody_reads() -> None:
    stand = Stand()
    slots = [stand.admission.acquire(address=f"10.0.0.{number}") for number in range(STREAMS + 5)]
    held = [slot for slot in slots if isinstance(slot, Slot)]
    assert len(held) == STREAMS
    for number in range(STREAMS):
        sink = FakeSink(stand.clock)
        stand.delivery.open(sink, choose({f"T{number}", "T49"}, None), Request())
    assert stand.usage()["filters"].items == STREAMS
    stand.tables.down = True
    number, most = 0, 0
    for _ in range(1_200):  # five minutes of ten items a second
        stand.now += 0.25
        stand.publish(number, 3)
        number += 3
        stand.delivery.sweep()
        usage = stand.usage()
        most = max(most, usage["unsent"].bytes)
        assert usage["pending"].items == 0
    assert most > STREAMS * 100, "they do not read"
    assert usage["ledger"].items == ITEMS
    assert ITEMS / 3 < usage["window"].items <= ITEMS, "it drops whole minutes"
    assert 60 < usage["unproved"].items <= ITEMS, "no query says that it may forget"
    assert HISTORY_BYTES * 0.9 < usage["history"].bytes <= HISTORY_BYTES
    assert usage["filters"].items == 0, "all were too slow"
    for slot in held:
        slot.release()


async def test_no_stream_waits_for_more_than_its_share() -> None:
    stand = Stand()
    for _ in range(STREAMS):
        assert isinstance(stand.admission.acquire(), Slot)
        stand.delivery.open(FakeSink(stand.clock), Filter(), Request())
    for number in range(500):
        stand.publish(number, 1)
        stand.usage()
        if number == 3:
            assert stand.usage()["unsent"].bytes > STREAMS * 1_000


async def test_openings_that_wait_are_bounded_by_the_slots() -> None:
    stand = Stand()

    def long() -> None:
        stand.now += 1

    stand.delivery.turns.take(long)
    while isinstance(stand.admission.acquire(), Slot):
        stand.delivery.turns.take(partial(long))
    assert stand.usage()["openings"].items == stand.delivery.connections == STREAMS


async def test_configurations_are_bounded_while_the_users_table_is_down() -> None:
    stand = Stand()
    for number in range(REMEMBERED + 50):
        subscription = await stand.subscriptions.enter("ada", f"config-{number}")
        assert subscription is not None
        stand.subscriptions.leave(subscription)
    for number in range(STREAMS):  # each stream has a slot, so there are no more
        assert isinstance(stand.admission.acquire(user=f"user-{number}"), Slot)
        assert await stand.subscriptions.enter(f"user-{number}", "chips") is not None
    stand.tables.down = True
    for number in range(200):
        with pytest.raises(TableError):
            await stand.subscriptions.enter("eve", f"config-{number}")
        with pytest.raises(TableError):
            await stand.subscriptions.check()
    usage = stand.usage()
    assert (usage["configurations"].items, usage["configurations_left"].items) == (STREAMS, REMEMBERED)
    assert len(stand.subscriptions._readings) == 0


async def test_reads_that_fail_are_remembered_up_to_their_bound_and_the_newest_stay() -> None:
    stand = Stand()
    keys = [Key(f"wire:{number}", iso_time(NOW_MS)) for number in range(3 * MOST_ASKED)]
    for start in range(0, len(keys), MOST_ASKED // 2):
        reading = asyncio.ensure_future(stand.poll._read_asked())
        await asyncio.sleep(0)  # it took what was asked for, and will put it back
        stand.poll.read_soon(keys[start : start + MOST_ASKED // 2])
        with suppress(TableError):
            await reading
        stand.usage()
    assert stand.usage()["reads"].items == MOST_ASKED
    assert list(stand.poll._asked) == keys[-MOST_ASKED:]


async def test_faulty_items_are_remembered_up_to_their_bound(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL, "streamer")
    stand = Stand()
    step = 500
    for start in range(0, LOGGED_KEYS + 2 * step, step):
        faulty = [
            record(
                start + each,
                keys={"source_id": f"wire:{start + each}", "timestamp": "2026-11-22T14:56:00Z"},
                new={"matched_tickers": ["AAPL"], "sentiment": "unknown", "score": 0.5},
            )
            for each in range(step)
        ]
        stand.publisher.take([decode_message(message(*faulty), "sentiment", None)])
    stand.now += 120
    stand.delivery.sweep()  # the ledger keeps what is new above its limit
    assert stand.usage()["faults"].items == 2 * LOGGED_KEYS


async def test_addresses_and_snapshots_are_bounded() -> None:
    stand = Stand()
    for number in range(MAX_ADDRESSES + 100):
        slot = stand.admission.acquire(address=f"10.{number // 65_536}.{number // 256 % 256}.{number % 256}")
        assert isinstance(slot, Slot)
        slot.release()
    row = PageRow(Key("wire:1", iso_time(NOW_MS)), state("positive"), "AAPL")
    for number in range(100):
        stand.pages.put(number, NOW_MS, Page([row] * 20, None))
    usage = stand.usage()
    assert usage["addresses"].items == MAX_ADDRESSES
    assert usage["snapshots"].items == 500


async def test_rows_and_series_are_bounded() -> None:
    stand, shown = Stand(), state("positive", "AAPL")
    write_row.cache_clear()
    for number in range(KEPT_ROWS + 100):
        write_row(PageRow(Key(f"wire:{number}", iso_time(NOW_MS)), shown, "AAPL"))
    assert stand.usage()["rows"].items == KEPT_ROWS
    write_row.cache_clear()
    cells, timeline = stand.hub.window.cells, Timeline()
    minute = NOW_MS // 60_000
    timeline.add(Held(iso_time(NOW_MS), "wire:1", Key("wire:1", iso_time(NOW_MS)), shown, minute))
    for number in range(MAX_CELLS + 100):
        assert list(cells.spans(f"T{number}", timeline, 1, minute, minute + 1))
    assert stand.usage()["series"].items == MAX_CELLS


async def test_calls_and_logs_are_bounded_while_nothing_answers_and_nobody_reads() -> None:
    stand, go = Stand(), threading.Event()
    waiting = [asyncio.ensure_future(stand.worker(go.wait)) for _ in range(CALLS)]
    await asyncio.sleep(0)
    for _ in range(20):
        with pytest.raises(TableError):
            await stand.worker(go.wait)
    assert stand.usage()["calls"].items == CALLS
    go.set()
    await asyncio.gather(*waiting)
    stand.worker.close()
    with unread_logs(100_000) as logs:
        stand.memory.logs = logs
        for number in range(3_000):
            logs.emit(logging.LogRecord("test", logging.INFO, "", 0, f"{number}" + "x" * 100, None, None))
        usage = stand.usage()["logs"]
        assert usage.bytes > 90_000
        assert logs.dropped > 1_000


def test_the_estimates_are_about_what_python_allocates() -> None:
    """Within a factor of two, for the structures that can be largest."""
    count = 5_000
    keys = [Key(f"wire:{number:08}", iso_time(NOW_MS - number * 100)) for number in range(count)]

    def ledger() -> object:
        filled = Ledger()
        for number, key in enumerate(keys):
            filled.observe_record(change(state("positive", f"T{number % 500}"), number, key=Key(*key)), NOW_MS)
        return filled

    def window() -> object:
        filled, shown = Window(NOW_MS - 3_600_000), state("positive")
        for key in keys:
            filled.put(key, shown, NOW_MS)
        return filled

    def asked() -> object:
        return {Key(f"wire:{number:08}", iso_time(NOW_MS - number * 100)): None for number in range(count)}

    for name, fill in (("ledger", ledger), ("window", window), ("reads", asked)):
        assert 0.5 < _allocated(fill) / count / ITEM_BYTES[name] < 2, name


def _allocated(fill: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        filled = fill()
        after, _ = tracemalloc.get_traced_memory()
        del filled
        return after - before
    finally:
        tracemalloc.stop()


def test_the_docs_list_every_structure_with_its_bytes() -> None:
    page = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text()
    section = page.split("\n### Memory\n")[1].split("\n### ")[0]
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([^|]+) \|[^|]*\|$", section, re.MULTILINE)
    assert {name for name, _ in rows} == set(NAMES)
    assert {name: int(each.replace(",", "")) for name, each in rows if name in ITEM_BYTES} == ITEM_BYTES


async def test_the_status_shows_every_structure() -> None:
    stand = Stand()
    stand.hub.observe(
        [(Key("wire:1", iso_time(NOW_MS)), Item(state("positive")))],
        began_ms=NOW_MS,
        as_of=0,
        consistent=False,
        now_ms=NOW_MS,
    )
    members = stand.memory.members()
    assert set(members) == set(NAMES)
    assert members["ledger"] == {"items": 1, "limit": ITEMS, "bytes": 700, "bytes_limit": 700_000}
    assert members["pending"] == {"items": 1, "limit": None, "bytes": 8, "bytes_limit": None}
