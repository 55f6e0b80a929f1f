"""Series for deployments without a hub: the last hour, from few queries, honest about its start."""

from __future__ import annotations

import asyncio

import pytest

from streamer.change import Key, iso_time
from streamer.errors import TableError
from streamer.series import SeriesPage, SeriesRequest
from streamer.tables.series import SeriesTable
from tests.factories import NOW_MS
from tests.unit.tables.fakes import FakeDynamo

MINUTE, HOUR = 60_000, 3_600_000


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def reader(dynamo: FakeDynamo, clock: Clock) -> SeriesTable:
    return SeriesTable(dynamo.table(), now_ms=lambda: NOW_MS, clock=clock)


def filled(count: int, step_ms: int = MINUTE) -> FakeDynamo:
    dynamo = FakeDynamo()
    for number in range(count):
        dynamo.put(Key(f"wire:{number:04}", iso_time(NOW_MS - number * step_ms)), ("positive", "negative")[number % 2])
    return dynamo


async def ask(table: SeriesTable, since_ms: int = 0, *tickers: str) -> SeriesPage:
    return await table.series(SeriesRequest(frozenset(tickers or ("AAPL",)), 300, since_ms))


async def test_the_last_hour_is_counted_and_nothing_before() -> None:
    dynamo = filled(100)
    page = await ask(reader(dynamo, Clock()))
    assert page.since == iso_time((NOW_MS - HOUR) // 300_000 * 300_000 + 300_000)
    assert (page.as_of, page.more) == (None, None)
    assert [bucket.items for bucket in page.series[0].buckets[:-1]] == [5] * (len(page.series[0].buckets) - 1)
    assert len(dynamo.asked("query")) <= 4
    later = NOW_MS - 10 * MINUTE
    assert (await ask(reader(dynamo, Clock()), later)).since == iso_time(later // 300_000 * 300_000)


async def test_where_four_queries_do_not_reach_since_says_so() -> None:
    dynamo = filled(3_000, 1_000)
    dynamo.page = 400
    page = await ask(reader(dynamo, Clock()))
    assert len(dynamo.asked("query")) == 4
    assert iso_time(NOW_MS - HOUR) < page.since < iso_time(NOW_MS)
    for bucket in page.series[0].buckets[:-1]:
        assert bucket.items == 300, "a bucket that is there is complete"


async def test_callers_share_the_queries_for_a_second_and_errors_are_not_kept() -> None:
    dynamo, clock = filled(10), Clock()
    table = reader(dynamo, clock)
    dynamo.script["query"] = [ValueError("x")]
    with pytest.raises(ValueError, match="x"):
        await ask(table)
    asked = len(dynamo.asked("query"))
    await asyncio.gather(*(ask(table, 0, ticker) for ticker in ("AAPL", "MSFT", "F")))
    first = len(dynamo.asked("query")) - asked
    assert first <= 4
    clock.now = 0.9
    await ask(table)
    assert len(dynamo.asked("query")) == asked + first
    clock.now = 1.0
    await ask(table)
    assert len(dynamo.asked("query")) == asked + 2 * first


async def test_a_table_that_is_away_is_a_table_error() -> None:
    from botocore.exceptions import EndpointConnectionError

    dynamo = filled(1)
    dynamo.script["query"] = [EndpointConnectionError(endpoint_url="x")] * 9
    with pytest.raises(TableError):
        await ask(reader(dynamo, Clock()))
