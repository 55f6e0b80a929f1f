"""The walk back tells the counts, and what is nothing new: each item once at least, whatever fails on the way."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from streamer.change import Key, iso_time, parse_time
from streamer.errors import TableError
from streamer.hub.window import Window
from streamer.intake.survey import Spans
from streamer.intake.walk import Walk
from tests.factories import NOW_MS
from tests.unit.intake.fakes import refusal
from tests.unit.intake.surveying import FakeSurvey
from tests.unit.tables.fakes import FakeDynamo

MINUTE, HOUR = 60_000, 3_600_000
QUERIED = NOW_MS - 180_000
SPANS = Spans(lookback=180, catchup=3_600, window=7_200)


def key(number: int, age_ms: int) -> Key:
    return Key(f"wire:{number}", iso_time(NOW_MS - age_ms))


def table_of(*ages_ms: int) -> FakeDynamo:
    dynamo = FakeDynamo()
    for number, age_ms in enumerate(ages_ms):
        dynamo.put(key(number, age_ms), ("positive", "neutral", "negative")[number % 3])
    return dynamo


def walked(walk: Walk, dynamo: FakeDynamo, survey: FakeSurvey) -> None:
    table = dynamo.table()
    for _ in range(1_000):
        if walk.done:
            return
        walk.step(table, survey.now_ms, QUERIED)
    raise AssertionError("no end")


def test_it_counts_everything_of_its_window_and_says_how_far_it_is() -> None:
    dynamo, survey = table_of(*range(0, 3 * HOUR, 10 * MINUTE)), FakeSurvey()
    dynamo.page = 2
    walked(Walk(survey, SPANS), dynamo, survey)
    metrics = survey.hub.window.metrics(NOW_MS)
    assert metrics.total == 13
    assert parse_time(metrics.since) == NOW_MS - 2 * HOUR
    assert survey.hub.newest == 0, "nobody is told"


def test_each_step_is_one_request() -> None:
    dynamo, survey = table_of(*range(0, HOUR, MINUTE)), FakeSurvey()
    dynamo.page = 7
    walk, table = Walk(survey, SPANS), dynamo.table()
    for count in range(1, 20):
        walk.step(table, NOW_MS, QUERIED)
        assert len(dynamo.requests) <= count


def test_it_walks_back_over_the_catch_up_even_if_the_window_is_shorter() -> None:
    dynamo, survey = table_of(59 * MINUTE), FakeSurvey()
    walk = Walk(survey, Spans(catchup=3_600, window=0))
    walked(walk, dynamo, survey)
    assert walk.knows_catchup
    assert survey.hub.ledger.knows(key(0, 59 * MINUTE))


def test_the_hub_knows_again_what_is_in_the_catch_ups_span_and_no_more() -> None:
    dynamo, survey = table_of(4 * MINUTE, 59 * MINUTE, 61 * MINUTE), FakeSurvey()
    walk = Walk(survey, SPANS)
    walked(walk, dynamo, survey)
    assert [survey.hub.ledger.knows(key(*at)) for at in enumerate((4 * MINUTE, 59 * MINUTE, 61 * MINUTE))] == [
        True,
        True,
        False,
    ]
    assert survey.hub.window.metrics(NOW_MS).total == 3


def test_the_catch_up_is_known_only_when_all_of_its_span_was_handed_over() -> None:
    dynamo, survey = table_of(*range(0, 2 * HOUR, MINUTE)), FakeSurvey()
    dynamo.page = 5
    walk, table = Walk(survey, SPANS), dynamo.table()
    missing = [0]
    for _ in range(1_000):
        walk.step(table, NOW_MS, QUERIED)
        missing = [number for number in range(4, 60) if not survey.hub.ledger.knows(key(number, number * MINUTE))]
        if walk.knows_catchup:
            break
    assert not missing
    assert not walk.done


def test_what_a_query_answers_for_is_not_passed_off_as_told() -> None:
    """Written after the first query began, or not in the index by then, before the walk came by: news for the next."""
    dynamo, survey = table_of(), FakeSurvey()
    fresh = key(1, 100_000)
    dynamo.put(fresh)
    walked(Walk(survey, SPANS), dynamo, survey)
    rows = dynamo.table().after(iso_time(NOW_MS - 180_000))
    taken = survey.observe(rows, began_ms=NOW_MS, as_of=survey.revision(), consistent=False)
    assert list(taken.fetched) == [fresh]
    assert survey.hub.window.metrics(NOW_MS).total == 1, "counted once"


def test_what_fails_goes_on_where_it_was() -> None:
    dynamo, survey = table_of(*range(0, 2 * HOUR, MINUTE)), FakeSurvey()
    dynamo.page = 9
    walk, table, failed = Walk(survey, SPANS), dynamo.table(), 0
    for step in range(1_000):
        if walk.done:
            break
        if step % 11 == 4:
            dynamo.script["query"] = [refusal("AccessDenied")]
        try:
            walk.step(table, NOW_MS + step, QUERIED)
        except TableError:
            failed += 1
    assert failed > 1
    assert survey.hub.window.metrics(NOW_MS).total == 120


def test_what_could_not_be_handed_over_is_handed_over_again() -> None:
    dynamo, survey = table_of(*range(0, 2 * HOUR, MINUTE)), FakeSurvey()
    dynamo.page = 9
    walk, table = Walk(survey, SPANS), dynamo.table()
    for step in range(1_000):
        if walk.done:
            break
        survey.trouble = [RuntimeError("bug")] if step % 11 == 4 else []
        with pytest.raises(RuntimeError) if survey.trouble else nullcontext():
            walk.step(table, NOW_MS, QUERIED)
    assert survey.hub.window.metrics(NOW_MS).total == 120


def test_an_item_whose_timestamp_is_none_keeps_nothing_from_being_counted() -> None:
    dynamo, survey = table_of(*range(0, HOUR, 5 * MINUTE)), FakeSurvey()
    for number in (3, 20, 40):
        dynamo.put(Key(f"odd:{number}", key(0, number * MINUTE).timestamp[:-6] + " o'clock"))
    dynamo.page = 1
    walk, table = Walk(survey, SPANS), dynamo.table()
    for _ in range(1_000):
        if walk.done:
            break
        walk.step(table, NOW_MS, QUERIED)
        metrics = survey.hub.window.metrics(NOW_MS)
        claimed = [one for one in dynamo.items if one.source_id[0] == "w" and one.timestamp > metrics.since]
        assert metrics.total >= len(claimed), "it says no more than it has counted"
    assert survey.hub.window.metrics(NOW_MS).total == 12


def test_a_full_window_ends_the_walk_once_the_catch_up_is_known_and_since_stays_honest() -> None:
    dynamo, survey = table_of(*range(0, 4 * HOUR, MINUTE)), FakeSurvey()
    survey.hub.window = Window(NOW_MS, limit=30)
    dynamo.page = 3
    walk = Walk(survey, Spans(catchup=3_600, window=4 * 3_600))
    walked(walk, dynamo, survey)
    assert walk.knows_catchup
    assert len(dynamo.requests) < 40, "not to the end of the window"
    metrics = survey.hub.window.metrics(NOW_MS)
    assert metrics.total == 30
    since = parse_time(metrics.since)
    assert since is not None
    assert since >= NOW_MS - 30 * MINUTE, "of what is older some was not counted"
