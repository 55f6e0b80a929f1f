from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from streamer.change import Key
from streamer.hub.frame import Frame, FrameKind
from streamer.hub.history import History


def frame(number: int, size: int = 10, *, ticker: str = "AAPL", dated_ms: int = 0) -> Frame:
    return Frame(number, FrameKind.SENTIMENT, ticker, b"x" * size, dated_ms=dated_ms)


def numbers(history: History, cursor: int) -> list[int]:
    return [entry.number for entry in history.after(cursor)]


def test_what_follows_a_cursor_is_everything_after_it_in_order() -> None:
    history = History()
    for number in (3, 5, 9):
        history.add(frame(number), 0)
    assert numbers(history, 0) == [3, 5, 9]
    assert numbers(history, 4) == [5, 9]
    assert numbers(history, 9) == []


def test_what_is_too_old_is_evicted_and_places_before_it_are_not_covered() -> None:
    history = History(keep_ms=100)
    history.add(frame(1), now_ms=0)
    history.add(frame(2), now_ms=50)
    history.expire(101)
    assert numbers(history, 0) == [2]
    assert history.evicted_through == 1
    assert history.covers(1)
    assert not history.covers(0)


def test_bytes_are_bounded() -> None:
    history = History(limit_bytes=10_000)
    for number in range(1, 101):
        history.add(frame(number, 1000), 0)
    assert history._bytes <= 10_000
    assert numbers(history, 0)[-1] == 100
    assert history.evicted_through == numbers(history, 0)[0] - 1


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=60), st.integers(-1, 51))
def test_everything_dated_after_a_time_follows_its_cursor_however_dates_and_evictions_mix(
    entries: list[tuple[int, int]], time_ms: int
) -> None:
    history = History(keep_ms=20)
    kept: dict[int, int] = {}
    now = 0
    for number, (dated, pause) in enumerate(entries, 1):
        now += pause
        history.add(frame(number, dated_ms=dated), now)
        kept[number] = dated
        history.expire(now)
    present = set(numbers(history, 0))
    following = set(numbers(history, history.dated_after(time_ms)))
    assert following >= {number for number in present if kept[number] > time_ms}
    assert following == set(numbers(history, min(following, default=10_000) - 1))


@given(
    st.lists(st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(0, 8)), max_size=80),
    st.sets(st.sampled_from(["A", "B", "C", "D"])),
    st.integers(0, 80),
)
def test_the_frames_of_some_tickers_are_found_and_counted_as_if_all_were_looked_at(
    entries: list[tuple[str, int]], tickers: set[str], cursor: int
) -> None:
    history = History(keep_ms=20)
    now = 0
    for number, (ticker, pause) in enumerate(entries, 1):
        now += pause
        history.add(frame(number, ticker=ticker, dated_ms=now), now)
        history.expire(now)
    cursor = max(cursor, history.evicted_through)
    expected = [entry for entry in history.after(cursor) if entry.ticker in tickers]
    assert list(history.after(cursor, tickers)) == expected
    assert history.count(cursor, tickers) == len(expected)
    assert history.count(cursor) == len(list(history.after(cursor)))


def test_what_is_evicted_is_let_go_of() -> None:
    history = History(limit_bytes=10_000)
    first = frame(1, 1000)
    history.add(first, 0)
    for number in range(2, 30):
        history.add(frame(number, 1000), 0)
    assert sys.getrefcount(first) == 2, "the history holds it no more"


def test_evicting_thousands_keeps_cursors_right() -> None:
    history = History(keep_ms=10)
    for number in range(1, 5001):
        history.add(frame(number, dated_ms=number), now_ms=number)
        history.expire(number)
    assert numbers(history, 0) == list(range(4990, 5001))
    assert numbers(history, 4995) == list(range(4996, 5001))
    assert history.dated_after(4997) == 4997
    assert len(history) == 11


def test_the_newest_date_of_what_was_evicted_is_kept_whatever_order_the_dates_had() -> None:
    history = History(keep_ms=10)
    assert history.evicted_dated_ms == -1
    for number, dated in enumerate((50, 90, 20, 70), 1):
        history.add(frame(number, dated_ms=dated), now_ms=number)
    history.expire(12)
    assert history.evicted_through == 1
    assert history.evicted_dated_ms == 50
    history.expire(14)
    assert (history.evicted_through, history.evicted_dated_ms) == (3, 90)


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30)), max_size=60), st.integers(-1, 51))
def test_nothing_dated_after_a_time_was_evicted_if_the_time_is_not_before_that_date(
    entries: list[tuple[int, int]], time_ms: int
) -> None:
    history, now = History(keep_ms=20), 0
    for number, (dated, pause) in enumerate(entries, 1):
        now += pause
        history.add(frame(number, dated_ms=dated), now)
        history.expire(now)
    wanted = {number for number, (dated, _) in enumerate(entries, 1) if dated > time_ms}
    if time_ms >= history.evicted_dated_ms:
        assert set(numbers(history, history.dated_after(time_ms))) >= wanted


def test_only_the_last_word_on_an_item_and_ticker_is_not_superseded() -> None:
    history = History(limit_bytes=10_000)
    first, other, second = frame(1), frame(2, ticker="MSFT"), frame(3)
    for each in (first, other, second):
        history.add(each, 0)
    assert [each.superseded for each in (first, other, second)] == [True, False, False]
    for number in range(4, 40):
        history.add(frame(number, 1000, ticker="TSLA"), 0)
    history.add(again := frame(40, ticker="MSFT"), 0)
    assert not again.superseded
    assert not other.superseded, "it was evicted before: nobody asks"


_TICKERS = ("AAPL", "MSFT", "TSLA")
_frames = st.tuples(
    st.integers(0, 6),  # the item
    st.sampled_from(_TICKERS),
    st.integers(0, 400),  # how long before now it is dated
    st.booleans(),
    st.integers(0, 200),  # how long after the one before it is added
)


@given(
    st.lists(_frames, max_size=60),
    st.integers(0, 12_000),
    st.sampled_from([None, frozenset(), frozenset({"AAPL"}), frozenset(_TICKERS[:2]), frozenset({*_TICKERS, "F"})]),
    st.one_of(st.none(), st.integers(0, 70)),
)
def test_what_is_missed_and_its_number_are_those_of_a_walk(
    made: list[tuple[int, str, int, bool, int]], after_ms: int, tickers: frozenset[str] | None, cursor: int | None
) -> None:
    history, now_ms = History(keep_ms=2_500), 1_000
    for number, (item, ticker, age_ms, repeatable, pause_ms) in enumerate(made, 1):
        now_ms += pause_ms
        frame = Frame(
            number, FrameKind.SENTIMENT, ticker, b"x", 0, Key(f"wire:{item}", "t"), now_ms - age_ms, repeatable
        )
        history.expire(now_ms)
        history.add(frame, now_ms)
    start = history.dated_after(after_ms) if cursor is None else max(cursor, history.evicted_through)
    walked = [
        frame
        for frame in history.after(start)
        if (tickers is None or frame.ticker in tickers)
        and (frame.dated_ms > after_ms or (frame.repeatable and not frame.superseded))
    ]
    assert list(history.missed(start, after_ms, tickers)) == walked
    assert history.missed_count(start, after_ms, tickers) == len(walked)


def test_tickers_that_are_evicted_leave_no_index_behind() -> None:
    history = History(keep_ms=10)
    for number in range(1, 200):
        history.add(Frame(number, FrameKind.SENTIMENT, f"T{number}", b"x", 0, Key("wire:1", "t"), number), number * 100)
        history.expire(number * 100)
    assert len(history._of_ticker) == 1
