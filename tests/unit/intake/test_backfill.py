"""The backfill back tells the counts, and what is nothing new: each item once at least, whatever fails on the way."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from streamer.change import Key, iso_time, parse_time
from streamer.errors import TableError
from streamer.hub.window import Window
from streamer.intake.backfill import Backfill
from tests.factories import NOW_MS
from tests.unit.intake.consumer import FakeConsumer
from tests.unit.intake.fakes import refusal
from tests.unit.tables.fakes import FakeDynamo, after

MINUTE, HOUR = 60_000, 3_600_000
QUERIED = NOW_MS - 180_000


def key(number: int, age_ms: int) -> Key:
    return Key(f"wire:{number}", iso_time(NOW_MS - age_ms))


def table_of(*ages_ms: int) -> FakeDynamo:
    dynamo = FakeDynamo()
    for number, age_ms in enumerate(ages_ms):
        dynamo.put(key(number, age_ms), ("positive", "neutral", "negative")[number % 3])
    return dynamo


def begun(dynamo: FakeDynamo, consumer: FakeConsumer, window: int = 2 * HOUR) -> Backfill:
    return Backfill(dynamo.table(), consumer, catchup_ms=HOUR, window_ms=window)


async def walked(backfill: Backfill, consumer: FakeConsumer) -> None:
    for _ in range(1_000):
        if backfill.done:
            return
        await backfill.step(consumer.now_ms, QUERIED)
    raise AssertionError("no end")


async def test_it_counts_everything_of_its_window_and_says_how_far_it_is() -> None:
    dynamo, consumer = table_of(*range(0, 3 * HOUR, 10 * MINUTE)), FakeConsumer()
    dynamo.page = 2
    await walked(begun(dynamo, consumer), consumer)
    metrics = consumer.hub.window.metrics(NOW_MS)
    assert metrics.total == 13
    assert parse_time(metrics.since) == NOW_MS - 2 * HOUR
    assert consumer.hub.newest == 0, "nobody is told"


async def test_each_step_is_one_request() -> None:
    dynamo, consumer = table_of(*range(0, HOUR, MINUTE)), FakeConsumer()
    dynamo.page = 7
    backfill = begun(dynamo, consumer)
    for count in range(1, 20):
        await backfill.step(NOW_MS, QUERIED)
        assert len(dynamo.requests) <= count


async def test_it_walks_back_over_the_catch_up_even_if_the_window_is_shorter() -> None:
    dynamo, consumer = table_of(59 * MINUTE), FakeConsumer()
    backfill = begun(dynamo, consumer, window=0)
    await walked(backfill, consumer)
    assert backfill.knows_catchup
    assert consumer.hub.ledger.knows(key(0, 59 * MINUTE))


async def test_the_hub_knows_again_what_is_in_the_catch_ups_span_and_no_more() -> None:
    dynamo, consumer = table_of(4 * MINUTE, 59 * MINUTE, 61 * MINUTE), FakeConsumer()
    backfill = begun(dynamo, consumer)
    await walked(backfill, consumer)
    assert [consumer.hub.ledger.knows(key(*at)) for at in enumerate((4 * MINUTE, 59 * MINUTE, 61 * MINUTE))] == [
        True,
        True,
        False,
    ]
    assert consumer.hub.window.metrics(NOW_MS).total == 3


async def test_the_catch_up_is_known_only_when_all_of_its_span_was_handed_over() -> None:
    dynamo, consumer = table_of(*range(0, 2 * HOUR, MINUTE)), FakeConsumer()
    dynamo.page = 5
    backfill = begun(dynamo, consumer)
    missing = [0]
    for _ in range(1_000):
        await backfill.step(NOW_MS, QUERIED)
        missing = [number for number in range(4, 60) if not consumer.hub.ledger.knows(key(number, number * MINUTE))]
        if backfill.knows_catchup:
            break
    assert not missing
    assert not backfill.done


async def test_what_a_query_answers_for_is_not_passed_off_as_told() -> None:
    """Written after the first query began, or not in the index by then, before the backfill: news for the next."""
    dynamo, consumer = table_of(), FakeConsumer()
    fresh = key(1, 100_000)
    dynamo.put(fresh)
    await walked(begun(dynamo, consumer), consumer)
    rows = await after(dynamo.table(), iso_time(NOW_MS - 180_000))
    taken = consumer.observe(rows, began_ms=NOW_MS, as_of=consumer.revision(), consistent=False)
    assert list(taken.fetched) == [fresh]
    assert consumer.hub.window.metrics(NOW_MS).total == 1, "counted once"


async def test_what_fails_goes_on_where_it_was() -> None:
    dynamo, consumer = table_of(*range(0, 2 * HOUR, MINUTE)), FakeConsumer()
    dynamo.page = 9
    backfill, failed = begun(dynamo, consumer), 0
    for step in range(1_000):
        if backfill.done:
            break
        if step % 11 == 4:
            dynamo.script["query"] = [refusal("AccessDenied")]
        try:
            await backfill.step(NOW_MS + step, QUERIED)
        except TableError:
            failed += 1
    assert failed > 1
    assert consumer.hub.window.metrics(NOW_MS).total == 120


async def test_what_could_not_be_handed_over_is_handed_over_again() -> None:
    dynamo, consumer = table_of(*range(0, 2 * HOUR, MINUTE)), FakeConsumer()
    dynamo.page = 9
    backfill = begun(dynamo, consumer)
    for step in range(1_000):
        if backfill.done:
            break
        consumer.trouble = [RuntimeError("bug")] if step % 11 == 4 else []
        with pytest.raises(RuntimeError) if consumer.trouble else nullcontext():
            await backfill.step(NOW_MS, QUERIED)
    assert consumer.hub.window.metrics(NOW_MS).total == 120


async def test_an_item_whose_timestamp_is_none_keeps_nothing_from_being_counted() -> None:
    dynamo, consumer = table_of(*range(0, HOUR, 5 * MINUTE)), FakeConsumer()
    for number in (3, 20, 40):
        dynamo.put(Key(f"odd:{number}", key(0, number * MINUTE).timestamp[:-6] + " o'clock"))
    dynamo.page = 1
    backfill = begun(dynamo, consumer)
    for _ in range(1_000):
        if backfill.done:
            break
        await backfill.step(NOW_MS, QUERIED)
        metrics = consumer.hub.window.metrics(NOW_MS)
        claimed = [one for one in dynamo.items if one.source_id[0] == "w" and one.timestamp > metrics.since]
        assert metrics.total >= len(claimed), "it says no more than it has counted"
    assert consumer.hub.window.metrics(NOW_MS).total == 12


async def test_a_full_window_ends_the_walk_once_the_catch_up_is_known_and_since_stays_honest() -> None:
    dynamo, consumer = table_of(*range(0, 4 * HOUR, MINUTE)), FakeConsumer()
    consumer.hub.window = Window(NOW_MS, limit=30)
    dynamo.page = 3
    backfill = begun(dynamo, consumer, window=4 * HOUR)
    await walked(backfill, consumer)
    assert backfill.knows_catchup
    assert len(dynamo.requests) < 40, "not to the end of the window"
    metrics = consumer.hub.window.metrics(NOW_MS)
    assert metrics.total == 30
    since = parse_time(metrics.since)
    assert since is not None
    assert since >= NOW_MS - 30 * MINUTE, "of what is older some was not counted"
