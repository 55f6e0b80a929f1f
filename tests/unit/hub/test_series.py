"""Series equal what a plain count of the items says, whatever entered, moved and left between two pages."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.change import Key, State, iso_time, parse_time
from streamer.hub import cells, series
from streamer.hub.window import Window
from streamer.series import BUCKETS, SeriesBucket, SeriesCursor, SeriesPage, SeriesRequest, TickerSeries
from tests.factories import NOW_MS, state

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def key(number: int, age_ms: int = 0) -> Key:
    return Key(str(number), iso_time(NOW_MS - age_ms))


def ask(*tickers: str, bucket: int = 60, since_ms: int = 0, cursor: SeriesCursor | None = None) -> SeriesRequest:
    return SeriesRequest(frozenset(tickers), bucket, since_ms, cursor)


def model(items: dict[Key, State], request: SeriesRequest, first_ms: int) -> list[TickerSeries]:
    """The series by their definition."""
    length = request.bucket * 1000
    found: dict[str, dict[int, list[tuple[Key, State]]]] = defaultdict(lambda: defaultdict(list))
    for at, each in items.items():
        ms = parse_time(at.timestamp)
        assert ms is not None
        for ticker in request.tickers & set(each.tickers):
            if ms // length * length >= first_ms and ms // MINUTE <= NOW_MS // MINUTE + 10:
                found[ticker][ms // length * length].append((at, each))
    return [
        TickerSeries(ticker, [_bucket(time, found[ticker][time]) for time in sorted(found[ticker])])
        for ticker in sorted(found)
    ]


def _bucket(time: int, items: list[tuple[Key, State]]) -> SeriesBucket:
    items.sort(key=lambda each: (each[0].timestamp, each[0].source_id))
    scores, labels = [each.score for _, each in items], [each.label for _, each in items]
    return SeriesBucket(
        iso_time(time),
        len(items),
        labels.count("positive"),
        labels.count("neutral"),
        labels.count("negative"),
        round(sum(scores, Decimal(0)) / len(scores), 6),
        min(scores),
        max(scores),
        scores[-1],
    )


def pages(window: Window, request: SeriesRequest) -> list[SeriesPage]:
    found = [series.read(window, request, NOW_MS, None)]
    while (cursor := found[-1].more) is not None:
        again = SeriesRequest(request.tickers, request.bucket, request.since_ms, cursor)
        found.append(series.read(window, again, NOW_MS, None))
        assert len(found) < 1_000
    return found


def joined(found: list[SeriesPage]) -> list[TickerSeries]:
    buckets: dict[str, list[SeriesBucket]] = {}
    for page in found:
        for each in page.series:
            buckets.setdefault(each.ticker, []).extend(each.buckets)
    return [TickerSeries(ticker, each) for ticker, each in buckets.items()]


PUT = st.tuples(
    st.integers(0, 8),
    st.sampled_from([-HOUR, -20 * MINUTE, -10 * MINUTE, 0, 1, MINUTE, 4 * MINUTE, HOUR, 3 * HOUR, 23 * HOUR, DAY]),
    st.sampled_from(["positive", "neutral", "negative", None]),
    st.sampled_from(["-1", "-0.25", "0", "0.123456789", "1"]),
    st.sets(st.sampled_from("ABC"), min_size=1),
)


@settings(max_examples=200)
@given(
    st.lists(st.lists(PUT, max_size=10), min_size=1, max_size=4),
    st.sampled_from(BUCKETS),
    st.sampled_from([0, NOW_MS - 2 * HOUR, NOW_MS - MINUTE]),
    st.sampled_from([(1, 1), (3, 2), (300, 1_000)]),
    st.sampled_from([3, 50_000]),
)
def test_a_series_is_the_plain_count_of_the_items(
    turns: list[list[Any]], bucket: int, since_ms: int, bounds: tuple[int, int], limit: int
) -> None:
    window, items = Window(NOW_MS - 2 * DAY), dict[Key, State]()
    request = ask("A", "B", bucket=bucket, since_ms=since_ms)
    first_ms = max(since_ms // (bucket * 1000), (NOW_MS - DAY) // (bucket * 1000) + 1) * bucket * 1000
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(series, "MAX_BUCKETS", bounds[0])
        patch.setattr(series, "_MAX_STEPS", bounds[1])
        patch.setattr(cells, "MAX_CELLS", limit)
        for turn in turns:  # each asks what the one before has cached
            for number, age_ms, label, score, tickers in turn:
                at = key(number, age_ms)
                items.pop(at, None)
                if label is not None:
                    items[at] = state(label, *tickers, score=score)
                window.put(at, items.get(at), NOW_MS)
            found = pages(window, request)
            assert joined(found) == model(items, request, first_ms)
            assert {page.since for page in found} == {iso_time(first_ms)}
            assert all(sum(len(each.buckets) for each in page.series) <= bounds[0] for page in found)
            assert len(window.cells) <= limit


def test_an_item_that_moves_leaves_its_old_bucket_and_a_deleted_one_does_not_count() -> None:
    window = Window(NOW_MS - DAY)
    window.put(key(1), state("positive", "A", score="0.5"), NOW_MS)
    window.put(key(2), state("negative", "A", score="-0.5"), NOW_MS)
    (first,) = joined(pages(window, ask("A", "B")))
    assert (first.buckets[0].items, first.buckets[0].mean) == (2, Decimal(0))
    window.put(key(1), state("neutral", "B", score="0.1"), NOW_MS)
    a, b = joined(pages(window, ask("A", "B")))
    assert [(each.ticker, each.buckets[0].items, each.buckets[0].last) for each in (a, b)] == [
        ("A", 1, Decimal("-0.5")),
        ("B", 1, Decimal("0.1")),
    ]
    window.put(key(3), state("neutral", "B", score="0.3"), NOW_MS)
    assert joined(pages(window, ask("B")))[0].buckets[0].items == 2, "one that enters a bucket that was read"
    window.put(key(2), None, NOW_MS)
    assert [each.ticker for each in joined(pages(window, ask("A", "B")))] == ["B"]


def test_it_begins_where_every_item_is_known() -> None:
    window = Window(NOW_MS - HOUR)
    page = series.read(window, ask("A", bucket=900), NOW_MS, "evt_1")
    assert page.since == iso_time((NOW_MS - HOUR) // 900_000 * 900_000 + 900_000)
    assert (page.as_of, page.bucket, page.series) == ("evt_1", 900, [])
    later = NOW_MS - 20 * MINUTE
    assert series.read(window, ask("A", since_ms=later), NOW_MS, None).since == iso_time(later // MINUTE * MINUTE)


def test_an_item_from_the_future_counts_when_its_time_has_come() -> None:
    window = Window(NOW_MS - DAY)
    window.put(key(1, -20 * MINUTE), state("positive", "A"), NOW_MS)
    window.put(key(2, -9 * MINUTE), state("positive", "A"), NOW_MS)  # the same hour
    assert [bucket.items for bucket in joined(pages(window, ask("A", bucket=3600)))[0].buckets] == [1]
    later = NOW_MS + 20 * MINUTE
    window.expire(later)
    page = series.read(window, ask("A", bucket=3600), later, None)
    assert [bucket.items for bucket in page.series[0].buckets] == [2]


def test_a_page_reads_a_bounded_number_of_items_and_the_next_one_goes_on() -> None:
    window = Window(NOW_MS - DAY)
    for number in range(12_000):
        window.put(key(number, 7_000 * number), state("positive", "A"), NOW_MS)
    found = pages(window, ask("A", bucket=3600))
    assert len(found) > 2
    assert sum(bucket.items for bucket in joined(found)[0].buckets) > 11_000
    before = window.cells.steps
    assert len(pages(window, ask("A", bucket=3600))) == 1
    assert window.cells.steps - before <= 30, "what is cached is not read again"


def test_paging_ends_although_one_bucket_is_more_than_a_page_may_read_and_changes_all_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(series, "_MAX_STEPS", 3)
    window, request, found = Window(NOW_MS - 2 * DAY), ask("A", bucket=300), list[SeriesPage]()
    for number in range(60):
        window.put(Key(str(number), iso_time(NOW_MS - number * MINUTE)), state("positive", "A"), NOW_MS)
    while not found or found[-1].more is not None:
        more = found[-1].more if found else None
        found.append(series.read(window, SeriesRequest(request.tickers, 300, request.since_ms, more), NOW_MS, None))
        for number in range(60):
            window.put(
                Key(f"{len(found)}/{number}", iso_time(NOW_MS - number * MINUTE)), state("positive", "A"), NOW_MS
            )
        assert len(found) < 20
    assert 12 <= sum(len(each.buckets) for page in found for each in page.series) <= 13
