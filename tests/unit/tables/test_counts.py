"""Counts for who has no hub: bounded, honest about since when, kept for a minute."""

from __future__ import annotations

import pytest

from streamer.change import Key, iso_time
from streamer.errors import TableError
from streamer.tables.counts import Counts
from tests.factories import NOW_MS
from tests.unit.tables.fakes import FakeDynamo

MINUTE = 60_000


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def counts(dynamo: FakeDynamo, clock: Clock, **bounds: float) -> Counts:
    return Counts(dynamo.table(), now_ms=lambda: NOW_MS, clock=clock, **bounds)  # type: ignore[arg-type]


def filled(count: int) -> FakeDynamo:
    dynamo = FakeDynamo()
    for number in range(count):
        dynamo.put(Key(f"wire:{number}", iso_time(NOW_MS - number * MINUTE)), ("positive", "negative")[number % 2])
    return dynamo


async def test_a_day_is_counted_and_nothing_older() -> None:
    dynamo = filled(2000)
    dynamo.put(Key("ahead", iso_time(NOW_MS + 5 * MINUTE)), "neutral")
    dynamo.put(Key("far ahead", iso_time(NOW_MS + 20 * MINUTE)), "neutral")
    counted = await counts(dynamo, Clock()).metrics()
    assert (counted.total, counted.positive, counted.negative, counted.neutral) == (1441, 720, 720, 1)
    assert counted.since == iso_time(NOW_MS - 24 * 60 * MINUTE)
    assert counted.timestamp == iso_time(NOW_MS)
    assert counted.by_tag == {"AAPL": 1441, "other": 0}
    assert counted.rate_last_hour == pytest.approx(61 / 60, abs=0.001)


async def test_where_the_bound_is_hit_since_says_so() -> None:
    dynamo = filled(1000)
    dynamo.page = 50
    counted = await counts(dynamo, Clock(), requests=6).metrics()
    assert len(dynamo.asked("query")) <= 6
    assert 0 < counted.total < 1000
    assert iso_time(NOW_MS - 24 * 60 * MINUTE) < counted.since < iso_time(NOW_MS)
    covered = (NOW_MS - _ms(counted.since)) / MINUTE
    assert counted.total == pytest.approx(covered, abs=1)
    assert counted.rate_last_24h == pytest.approx(1, abs=0.05)


def _ms(text: str) -> int:
    from streamer.change import parse_time

    moment = parse_time(text)
    assert moment is not None
    return moment


async def test_counts_are_kept_for_a_minute() -> None:
    dynamo, clock = filled(10), Clock()
    counting = counts(dynamo, clock)
    first = await counting.metrics()
    asked = len(dynamo.asked("query"))
    dynamo.put(Key("more", iso_time(NOW_MS)))
    clock.now = 59.9
    assert await counting.metrics() == first
    assert len(dynamo.asked("query")) == asked
    clock.now = 60.0
    assert (await counting.metrics()).total == first.total + 1


async def test_an_index_that_refuses_at_once_is_an_error_and_later_the_bound() -> None:
    dynamo, clock = filled(1000), Clock()
    dynamo.page = 50
    counting = counts(dynamo, clock)
    dynamo.script["query"] = [refused()]
    with pytest.raises(TableError):
        await counting.metrics()
    dynamo.script["query"] = []
    calls = iter(range(100))

    def break_later() -> None:
        if next(calls) == 5:
            dynamo.script["query"] = [refused()]

    dynamo.before["query"] = break_later
    counted = await counting.metrics()
    assert 0 < counted.total < 1000
    assert counted.since > iso_time(NOW_MS - 24 * 60 * MINUTE)


def refused() -> Exception:
    from botocore.exceptions import EndpointConnectionError

    return EndpointConnectionError(endpoint_url="http://127.0.0.1:9")
