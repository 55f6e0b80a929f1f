from __future__ import annotations

import tracemalloc
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from streamer.change import Key, State, iso_time
from streamer.hub.window import Window
from tests.factories import NOW_MS, state

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def key(number: int, age_ms: int = 0) -> Key:
    return Key(str(number), iso_time(NOW_MS - age_ms))


def test_items_count_by_label_and_by_each_of_their_tickers() -> None:
    window = Window(NOW_MS - DAY)
    window.put(key(1), state("positive", "AAPL", "MSFT"), NOW_MS)
    window.put(key(2), state("negative", "AAPL"), NOW_MS)
    metrics = window.metrics(NOW_MS)
    assert (metrics.total, metrics.positive, metrics.neutral, metrics.negative) == (2, 1, 0, 1)
    assert metrics.by_tag == {"AAPL": 2, "MSFT": 1, "other": 0}
    assert metrics.by_ticker == {
        "AAPL": {"positive": 1, "neutral": 0, "negative": 1, "mean": Decimal("0.5")},
        "MSFT": {"positive": 1, "neutral": 0, "negative": 0, "mean": Decimal("0.5")},
    }


def test_a_correction_moves_an_item_and_a_withdrawal_takes_it_out() -> None:
    window = Window(NOW_MS - DAY)
    window.put(key(1), state("positive", "AAPL"), NOW_MS)
    window.put(key(1), state("neutral", "MSFT", score="-0.1234567"), NOW_MS)
    assert window.metrics(NOW_MS).neutral == 1
    assert window.metrics(NOW_MS).by_ticker == {
        "MSFT": {"positive": 0, "neutral": 1, "negative": 0, "mean": Decimal("-0.123457")}
    }
    assert window.metrics(NOW_MS).by_tag == {"MSFT": 1, "other": 0}
    window.put(key(1), None, NOW_MS)
    assert window.metrics(NOW_MS).total == 0
    assert window.metrics(NOW_MS).by_tag == {"other": 0}


def test_an_item_leaves_after_24_hours_and_one_from_the_future_enters_when_its_time_comes() -> None:
    window = Window(NOW_MS - DAY)
    window.put(key(1, age_ms=DAY - 2 * MINUTE), state(), NOW_MS)
    window.put(key(2, age_ms=DAY + MINUTE), state(), NOW_MS)
    window.put(key(3, age_ms=-HOUR), state(), NOW_MS)
    assert window.metrics(NOW_MS).total == 1
    window.expire(NOW_MS + 3 * MINUTE)
    assert window.metrics(NOW_MS + 3 * MINUTE).total == 0
    window.expire(NOW_MS + HOUR)
    assert window.metrics(NOW_MS + HOUR).total == 1, "its time has come"


def test_only_the_twenty_largest_tickers_are_named_and_the_others_are_summed() -> None:
    window = Window(NOW_MS - DAY)
    for number in range(25):
        window.put(key(number), state("positive", f"T{number}", "BIG"), NOW_MS)
    by_tag = window.metrics(NOW_MS).by_tag
    assert len(by_tag) == 21
    assert by_tag["BIG"] == 25
    assert by_tag["other"] == 6
    assert set(window.metrics(NOW_MS).by_ticker or ()) == set(by_tag) - {"other"}


def test_rates_are_honest_about_how_much_time_they_cover() -> None:
    window = Window(NOW_MS - 10 * MINUTE)
    for number in range(20):
        window.put(key(number, age_ms=MINUTE), state(), NOW_MS)
    metrics = window.metrics(NOW_MS)
    assert metrics.rate_last_hour == metrics.rate_last_24h == 2.0
    assert metrics.since == iso_time(NOW_MS - 10 * MINUTE)
    window = Window(NOW_MS - 2 * DAY)
    window.put(key(1, age_ms=MINUTE), state(), NOW_MS)
    window.put(key(2, age_ms=2 * HOUR), state(), NOW_MS)
    metrics = window.metrics(NOW_MS)
    assert metrics.rate_last_hour == round(1 / 60, 3)
    assert metrics.rate_last_24h == round(2 / 1440, 3)
    assert metrics.since == iso_time(NOW_MS - DAY)


def test_what_is_older_than_since_is_not_counted() -> None:
    window = Window(NOW_MS - 10 * MINUTE)
    window.put(key(1, age_ms=HOUR), state(), NOW_MS)
    assert window.metrics(NOW_MS).total == 0


def test_beyond_its_limit_the_oldest_minutes_go_and_since_says_so() -> None:
    window = Window(NOW_MS - DAY, limit=100)
    for number in range(150):
        window.put(key(number, age_ms=(150 - number) * MINUTE), state(), NOW_MS)
    metrics = window.metrics(NOW_MS)
    assert metrics.total == 100
    assert metrics.since == iso_time((NOW_MS - 100 * MINUTE) // MINUTE * MINUTE)


def test_what_is_recalled_is_counted_though_it_is_from_before_since_and_then_since_says_so() -> None:
    window = Window(NOW_MS)
    old = key(1, age_ms=5 * HOUR)
    window.put(old, state("positive"), NOW_MS)
    assert window.metrics(NOW_MS).total == 0
    assert window.recall(old, state("positive"), NOW_MS)
    window.reach(NOW_MS - 6 * HOUR)
    metrics = window.metrics(NOW_MS)
    assert (metrics.total, metrics.since) == (1, iso_time(NOW_MS - 6 * HOUR))
    assert metrics.rate_last_24h == round(1 / 360, 3)


def test_what_is_recalled_twice_or_counted_already_is_counted_once_as_it_was_first() -> None:
    window = Window(NOW_MS - DAY)
    window.put(key(1), state("negative"), NOW_MS)
    for number in (1, 2, 2):
        assert window.recall(key(number), state("positive"), NOW_MS)
    metrics = window.metrics(NOW_MS)
    assert (metrics.total, metrics.negative, metrics.positive) == (2, 1, 1)


def test_nothing_older_than_a_day_or_far_in_the_future_is_recalled() -> None:
    window = Window(NOW_MS)
    for number, age_ms in enumerate((DAY + 2 * MINUTE, -HOUR)):
        assert window.recall(key(number, age_ms=age_ms), state(), NOW_MS)
    assert window.metrics(NOW_MS).total == 0


def test_reaching_less_far_is_nothing() -> None:
    window = Window(NOW_MS - HOUR)
    revision = window.revision
    window.reach(NOW_MS)
    assert window.metrics(NOW_MS).since == iso_time(NOW_MS - HOUR)
    assert window.revision == revision
    window.reach(NOW_MS - 2 * HOUR)
    assert window.revision != revision


def test_a_full_window_recalls_nothing_and_reaches_no_further_even_with_room_again() -> None:
    window = Window(NOW_MS - HOUR, limit=2)
    window.put(key(1), state(), NOW_MS)
    assert window.recall(key(2, age_ms=2 * HOUR), state(), NOW_MS)
    assert not window.recall(key(3, age_ms=3 * HOUR), state(), NOW_MS)
    window.put(key(1), None, NOW_MS)
    window.reach(NOW_MS - 4 * HOUR)
    assert window.metrics(NOW_MS).since == iso_time(NOW_MS - HOUR), "the third was left out"


def test_what_had_to_go_is_not_said_to_be_counted_when_the_walk_back_goes_on() -> None:
    window = Window(NOW_MS - 2 * HOUR, limit=2)
    for number in range(3):
        window.put(key(number, age_ms=number * HOUR // 2), state(), NOW_MS)
    since = window.metrics(NOW_MS).since
    assert since > iso_time(NOW_MS - HOUR)
    window.reach(NOW_MS - 5 * HOUR)
    assert window.metrics(NOW_MS).since == since


def keys(window: Window, *tickers: str) -> list[str]:
    return [held.source_id for held in window.newest_first(tickers or None)]


def test_the_items_of_some_tickers_come_newest_first_and_each_once() -> None:
    window = Window(NOW_MS - DAY)
    for number, tickers in enumerate((("A", "B"), ("B",), ("C",), ("A",))):
        window.put(key(number, age_ms=number), state("positive", *tickers), NOW_MS)
    assert keys(window) == ["0", "1", "2", "3"]
    assert keys(window, "A", "B") == ["0", "1", "3"]
    assert keys(window, "C", "X") == ["2"]
    window.put(key(1, age_ms=1), state("positive", "C"), NOW_MS)
    window.put(key(3, age_ms=3), None, NOW_MS)
    assert keys(window, "A", "B") == ["0"]
    assert keys(window, "C") == ["1", "2"]


def test_an_item_from_the_future_is_on_pages_and_in_no_count() -> None:
    window = Window(NOW_MS - DAY)
    window.know(NOW_MS - DAY)
    revision = window.revision
    window.put(key(1, age_ms=-HOUR), state(), NOW_MS)
    assert keys(window, "AAPL") == ["1"]
    assert (window.metrics(NOW_MS).total, window.revision) == (0, revision)
    window.put(key(1, age_ms=-HOUR), None, NOW_MS)
    assert keys(window, "AAPL") == []
    window.expire(NOW_MS + DAY)
    assert window.metrics(NOW_MS).total == 0


def test_it_knows_nothing_before_the_first_query_and_then_what_the_query_and_the_walk_back_brought() -> None:
    window = Window(NOW_MS)
    assert window.complete_after(NOW_MS) is None
    minute = NOW_MS // MINUTE * MINUTE
    window.know(NOW_MS - 3 * MINUTE)
    assert window.complete_after(NOW_MS) == iso_time(minute - 1), "older items were not taken"
    window.reach(NOW_MS - HOUR - 1)
    assert window.complete_after(NOW_MS) == iso_time(NOW_MS - HOUR - 1)
    window.reach(NOW_MS - 3 * DAY)
    assert window.complete_after(NOW_MS) == iso_time(minute - DAY + MINUTE - 1)
    window.know(NOW_MS - HOUR)
    assert window.complete_after(NOW_MS) == iso_time(NOW_MS - HOUR), "a gap between two queries"


def test_a_query_that_succeeds_late_leaves_unknown_what_came_since_the_start() -> None:
    window = Window(NOW_MS)
    window.know(NOW_MS + HOUR)
    window.reach(NOW_MS + HOUR + MINUTE)
    assert window.complete_after(NOW_MS + HOUR) == iso_time(NOW_MS + HOUR)


def test_above_its_limit_it_is_complete_after_what_had_to_go() -> None:
    window = Window(NOW_MS - DAY, limit=100)
    window.know(NOW_MS - DAY)
    for number in range(150):
        window.put(key(number, age_ms=(150 - number) * MINUTE), state(), NOW_MS)
    after = window.complete_after(NOW_MS)
    assert after is not None
    assert [held.timestamp > after for held in window.newest_first(None)] == [True] * 100
    assert iso_time(NOW_MS - 101 * MINUTE) <= after


def test_tickers_are_bounded_too() -> None:
    window = Window(NOW_MS - DAY, limit=100)
    window.know(NOW_MS - DAY)
    for number in range(20):
        window.put(key(number, age_ms=(20 - number) * MINUTE), state("neutral", *(f"T{n}" for n in range(50))), NOW_MS)
    assert len(window) == 6
    assert window.metrics(NOW_MS).since == iso_time((NOW_MS - 6 * MINUTE) // MINUTE * MINUTE)


def test_what_pages_cannot_show_ends_what_is_complete() -> None:
    window = Window(NOW_MS - DAY, limit=20)
    window.know(NOW_MS - DAY)
    window.put(Key("offset", iso_time(NOW_MS - HOUR).replace("Z", "+05:00")), state(), NOW_MS)
    assert window.metrics(NOW_MS).total == 1, "it is counted all the same"
    assert window.complete_after(NOW_MS) == iso_time(NOW_MS - HOUR).replace("Z", "+05:00")
    window.put(Key("offset", iso_time(NOW_MS - HOUR).replace("Z", "-00:30")), state(), NOW_MS)
    assert window.complete_after(NOW_MS) == iso_time(NOW_MS - HOUR // 2), "its own order would be another one"
    for number in range(3):
        window.put(key(number, age_ms=-(number + 1) * HOUR), state(), NOW_MS)
    assert window.complete_after(NOW_MS) == iso_time(NOW_MS + 3 * HOUR), "the third is one too many"
    assert window.complete_after(NOW_MS + 3 * DAY) == iso_time((NOW_MS + 2 * DAY) // MINUTE * MINUTE + MINUTE - 1)


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5), st.sets(st.sampled_from("ABC"))), max_size=60))
def test_it_equals_what_was_put(puts: list[tuple[int, int, set[str]]]) -> None:
    window, model = Window(NOW_MS - DAY), dict[Key, State]()
    for number, age_ms, tickers in puts:
        at = key(number, age_ms)
        model.pop(at, None)
        if tickers:
            model[at] = state("negative" if len(model) % 2 else "positive", *sorted(tickers))
        window.put(at, model.get(at), NOW_MS)
    for wanted in (None, {"A"}, {"B", "C"}):
        expected = sorted(
            (
                (at.timestamp, at.source_id)
                for at, each in model.items()
                if wanted is None or wanted & set(each.tickers)
            ),
            reverse=True,
        )
        assert [held[:2] for held in window.newest_first(wanted)] == expected
        assert all(held.state is model[held.key] for held in window.newest_first(wanted))
        for bound in expected[::3]:
            assert [held[:2] for held in window.newest_first(wanted, bound)] == [it for it in expected if it < bound]
            upper = (bound[0] + "\0",)
            assert [held[:2] for held in window.newest_first(wanted, upper)] == [it for it in expected if it < upper]
    counts = window.metrics(NOW_MS)
    assert counts.total == len(model) == len(window)
    assert counts.negative == sum(each.label == "negative" for each in model.values())
    assert sum(counts.by_tag.values()) == sum(len(each.tickers) for each in model.values())


def test_two_keys_of_one_source_and_millisecond_are_two_items() -> None:
    window = Window(NOW_MS - DAY)
    moment = iso_time(NOW_MS - MINUTE)
    plain, short = Key("a", moment), Key("a", moment.replace(".000Z", "Z"))
    assert plain != short
    for each, score in ((plain, "0.1"), (short, "0.2"), (short, "0.3"), (plain, "0.4")):
        window.put(each, state("positive", "AAPL", score=score), NOW_MS)
    assert {held.key: str(held.state.score) for held in window.newest_first({"AAPL"})} == {plain: "0.4", short: "0.3"}
    window.put(short, None, NOW_MS)
    window.put(short, state("negative", "MSFT"), NOW_MS)
    assert [held.key for held in window.newest_first({"AAPL"})] == [plain]
    window.expire(NOW_MS + 2 * DAY)
    assert (len(window), list(window.newest_first(None))) == (0, [])


def test_an_odd_timestamp_keeps_pages_from_memory_back_only_as_long_as_its_item_is_there() -> None:
    window = Window(NOW_MS - DAY)
    window.know(NOW_MS - HOUR)
    complete = window.complete_after(NOW_MS)
    odd, far = (
        Key("odd", "20261122T141400Z"),
        [Key(f"far:{number}", f"9999-12-31T23:59:{number % 60:02}.000Z") for number in range(3)],
    )
    small = Window(NOW_MS - DAY, limit=10)
    small.know(NOW_MS - HOUR)
    for each in (window, small):
        each.put(odd, state(), NOW_MS)
        assert each.complete_after(NOW_MS) == odd.timestamp
        for key_ in far:
            each.put(key_, state(), NOW_MS)
    assert small.complete_after(NOW_MS) == far[2].timestamp, "too many are ahead"
    for each in (window, small):
        for key_ in (odd, *far):
            each.put(key_, None, NOW_MS)
        assert each.complete_after(NOW_MS) == complete


def test_since_never_claims_what_was_dropped() -> None:
    window = Window(NOW_MS - DAY, limit=4)
    window.reach(NOW_MS - DAY)
    for number in range(4):
        window.put(key(number, age_ms=10 * MINUTE + number), state(), NOW_MS)
    window.put(key(4), state(), NOW_MS)
    since = window.counted_since(NOW_MS)
    assert since > NOW_MS - 11 * MINUTE
    window.recall(key(5, age_ms=HOUR), state(), NOW_MS)
    window.put(key(6), state(), NOW_MS)
    assert window.counted_since(NOW_MS) >= since
    jumped = Window(NOW_MS - DAY)
    jumped.know(NOW_MS - DAY)
    jumped.put(key(1, age_ms=23 * HOUR), state(), NOW_MS)
    jumped.expire(NOW_MS + 5 * HOUR)
    assert jumped.metrics(NOW_MS).total == 0
    assert jumped.counted_since(NOW_MS) > NOW_MS - 23 * HOUR, "the clock went back"
    assert (jumped.complete_after(NOW_MS) or "") >= iso_time(NOW_MS - 23 * HOUR)


def test_the_memory_of_a_full_window_stays_the_same_while_items_come_and_go() -> None:
    window, shown, sizes = Window(NOW_MS - DAY, limit=3_125), state("positive", "AAPL"), []
    tracemalloc.start()
    try:
        for number in range(20_000):
            now_ms = NOW_MS - HOUR + number * MINUTE // 100
            window.put(Key(f"wire:{number:05}", iso_time(now_ms)), shown, now_ms)
            if number % 100 == 0:
                window.expire(now_ms)
            if number > 3_500 and number % 500 == 0:
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert 3_000 < len(window) <= 3_125
    assert max(sizes) < 1.05 * min(sizes)
