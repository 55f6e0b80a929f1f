"""The account: each rule turns something red, and nothing is red without a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from streamer.change import Key, State, iso_time
from tests.chaos.accounting import LIFE, SLACK, Account, Felt, account, needed, spells
from tests.chaos.kinds import KINDS, QUIET
from tests.chaos.plan import Fault
from tests.chaos.records import Anew, Delivery, Record, Span
from tests.chaos.view import View
from tests.chaos.writes import Write
from tests.factories import state

pytestmark = pytest.mark.slow("tests the tool behind `make chaos`")

START = 1_795_359_400.0
KEY = Key("one", iso_time(round(START * 1000)))
POSITIVE, NEGATIVE, NEUTRAL = state("positive"), state("negative"), state("neutral")


def write(at: float, shown: State | None, key: Key = KEY, **more: bool) -> Write:
    """A write that took no time, `at` seconds after the start."""
    return Write(key, shown, START + at, START + at, **more)


def told(*events: tuple[float, State | None] | Anew, ticker: str = "AAPL", key: Key = KEY) -> Record:
    """A client that was at container 0 all the time and was told these states of one item."""
    record = Record(0, None, opened=START - 1, spans=[Span(0, START - 1, START + 1000, "fresh", "the end")])
    view = View(record)
    for event in events:
        if isinstance(event, Anew):
            record.anew.append(event)
            continue
        at, shown = event
        version = None if shown is None else write(0, shown, key).version(ticker)
        view.deliver(START + at, 0, key, ticker, version)
    return record


def fault(name: str, starts: float, ends: float, container: int | None = 0) -> Fault:
    return Fault(KINDS[name], container, starts, ends, 1)


def held(record: Record, writes: Sequence[Write], *faults: Fault) -> Account:
    """The account of a client."""
    items: dict[Key, list[Write]] = {}
    for one in writes:
        items.setdefault(one.key, []).append(one)
    felt = {number: Felt(one) for number, one in enumerate(faults)}
    return account(record, items, spells(items), faults, START, felt)


def test_a_client_that_was_told_everything_is_missing_nothing() -> None:
    writes = [write(0, POSITIVE), write(20, NEGATIVE)]
    said = held(told((0.1, POSITIVE), (20.1, NEGATIVE)), writes)
    assert (said.expected, said.received, said.repeated) == (2, 2, 0)
    assert said.missing + said.ghosts == []
    assert said.broken == []


def test_a_final_state_that_never_came_is_missing() -> None:
    said = held(told(), [write(0, POSITIVE)])
    assert [flaw.why for flaw in said.missing] == ["the final state is not shown"]


def test_an_older_state_that_stays_is_a_ghost() -> None:
    said = held(told((0.1, POSITIVE)), [write(0, POSITIVE), write(1, NEGATIVE)])
    assert [flaw.why for flaw in said.ghosts] == ["an older state stays"]
    assert said.missing == []


def test_an_older_state_that_comes_after_the_newer_one_is_a_ghost() -> None:
    writes = [write(0, POSITIVE), write(20, NEGATIVE)]
    said = held(told((0.1, POSITIVE), (20.1, NEGATIVE), (20.2, POSITIVE)), writes)
    assert [flaw.why for flaw in said.ghosts] == ["an older state stays"]


def test_a_state_that_nobody_wrote_is_a_ghost() -> None:
    said = held(told((0.1, POSITIVE), (0.2, NEUTRAL), (0.3, POSITIVE)), [write(0, POSITIVE)])
    assert [flaw.why for flaw in said.ghosts] == ["a state that was never written"]


def test_a_state_that_comes_before_it_was_written_is_a_ghost() -> None:
    said = held(told((0.1, POSITIVE), (1, NEGATIVE)), [write(0, POSITIVE), write(20, NEGATIVE)])
    assert [flaw.why for flaw in said.ghosts] == ["a state that was not written yet"]


def test_a_version_that_lived_ten_seconds_is_expected_and_a_shorter_one_is_not() -> None:
    for lived, expected in ((LIFE, 2), (LIFE - 0.1, 1)):
        said = held(told((lived + 0.1, NEGATIVE)), [write(0, POSITIVE), write(lived, NEGATIVE)])
        assert said.expected == expected
        assert len(said.missing) == expected - 1


def test_where_a_fault_was_felt_a_version_must_have_lived_longer_than_its_bound() -> None:
    deleted = fault("queue-deleted", 5, 6)
    life = KINDS["queue-deleted"].silence + SLACK
    for lived, missing in ((life + 0.1, 1), (life - 0.1, 0)):
        writes = [write(0, POSITIVE), write(lived, NEGATIVE)]
        assert len(held(told((lived + 0.1, NEGATIVE)), writes, deleted).missing) == missing


def test_a_fault_counts_for_as_long_as_its_recovery_and_no_longer() -> None:
    deleted = fault("queue-deleted", 5, 6)
    before, within, after = (0.0, 4.9), (deleted.over - 1, deleted.over + 11), (deleted.over + 0.1, deleted.over + 12)
    bounds = []
    for begun, ended in (before, within, after):
        (life, _) = spells({KEY: [write(begun, POSITIVE), write(ended, NEGATIVE)]})[KEY, "AAPL"]
        bounds.append(needed(life, [deleted], START))
    assert bounds == [LIFE, KINDS["queue-deleted"].silence + SLACK, LIFE]


def test_there_and_back_without_a_time_of_its_own_wants_the_way_back_too() -> None:
    writes = [write(0, POSITIVE), write(20, NEGATIVE), write(40, POSITIVE)]
    assert held(told((0.1, POSITIVE), (20.1, NEGATIVE), (40.1, POSITIVE)), writes).missing == []
    stays = held(told((0.1, POSITIVE), (20.1, NEGATIVE)), writes)
    assert [flaw.why for flaw in stays.ghosts] == ["an older state stays"]
    unseen = held(told((0.1, POSITIVE)), writes)
    assert [flaw.why for flaw in unseen.missing] == ["a version that lived 20.0 s was never shown"]


def test_a_version_that_was_shown_only_before_does_not_count_for_its_second_life() -> None:
    writes = [write(0, POSITIVE), write(20, NEGATIVE), write(40, POSITIVE), write(60, NEUTRAL)]
    said = held(told((0.1, POSITIVE), (20.1, NEGATIVE), (60.1, NEUTRAL)), writes)
    assert [(flaw.at - START, flaw.why) for flaw in said.missing] == [
        (40, "a version that lived 20.0 s was never shown")
    ]


def test_what_is_scored_late_is_not_expected_and_still_no_ghost() -> None:
    key = Key("late", iso_time(round((START - 130) * 1000)))
    for record in (told(key=key), told((5, POSITIVE), key=key)):
        said = held(record, [write(0, POSITIVE, key)])
        assert said.expected == 0
        assert said.missing == said.ghosts == []


def test_what_is_deleted_is_not_expected_and_what_stays_of_it_is_counted_apart() -> None:
    writes = [write(0, POSITIVE), write(1, None, deleted=True)]
    gone = held(told((0.1, POSITIVE), (1.1, None)), writes)
    stays = held(told((0.1, POSITIVE)), writes)
    assert (gone.expected, gone.deletions_missed, stays.deletions_missed) == (0, 0, 1)
    assert stays.missing == stays.ghosts == []


def test_what_stays_under_a_ticker_that_the_item_lost_is_a_ghost() -> None:
    writes = [write(0, POSITIVE), write(1, replace(POSITIVE, tickers=("MSFT",)))]
    said = held(told((0.1, POSITIVE)), writes)
    assert [flaw.why for flaw in said.ghosts] == ["it stays under a ticker that it lost"]
    assert [(flaw.ticker, flaw.why) for flaw in said.missing] == [("MSFT", "the final state is not shown")]


def test_a_filter_is_asked_for_its_tickers_alone() -> None:
    record = told()
    record.tickers = frozenset({"MSFT"})
    assert held(record, [write(0, POSITIVE)]).expected == 0


def test_what_came_and_went_before_a_snapshot_while_the_client_was_away_is_not_expected() -> None:
    writes = [write(10, POSITIVE), write(30, NEGATIVE)]
    away = Anew(START + 5, START + 31, "too_old")
    assert held(told(away, (31, NEGATIVE)), writes).missing == []
    back = Anew(START + 5, START + 29, "too_old")
    assert len(held(told(back, (31, NEGATIVE)), writes).missing) == 1


def test_what_was_written_before_the_client_came_is_not_expected() -> None:
    record = told()
    record.opened = START + 10
    assert held(record, [write(0, POSITIVE)]).expected == 0


def test_repeats_are_counted() -> None:
    assert held(told((0.1, POSITIVE), (0.2, POSITIVE)), [write(0, POSITIVE)]).repeated == 1


def many(times: Sequence[float]) -> list[Write]:
    """A new item at each time."""
    return [write(at, POSITIVE, Key(f"item {number}", KEY.timestamp)) for number, at in enumerate(times)]


def late(writes: Sequence[Write], by: float) -> Record:
    """A client that was told of each write so many seconds after it."""
    record = Record(0, None, opened=START - 1, spans=[Span(0, START - 1, START + 1000, "fresh", "the end")])
    view = View(record)
    for one in writes:
        view.deliver(one.ended + by, 0, one.key, "AAPL", one.version("AAPL"))
    return record


def test_a_silence_is_counted_from_the_first_write_that_was_not_heard_of() -> None:
    writes = many([0, 50])
    assert held(late(writes, 0.5), writes).silence.seconds == 0.5, "nobody wrote for 50 s: no silence"


def test_a_silence_beyond_the_bound_is_wrong() -> None:
    writes = many([0, 1, 2])
    assert held(late(writes, QUIET - 1), writes).broken == []
    (silence, wait) = held(late(writes, QUIET + 0.1), writes).broken
    assert silence.startswith("silence of 6.1 s at 0.0 s, bound 6 s (no fault)")
    assert wait.startswith("wait of 6.1 s at ")


def test_one_that_waits_among_others_that_come_at_once_is_wrong_too() -> None:
    writes = many(range(30))
    record = late(writes[1:], 0.1)
    View(record).deliver(START + 25, 0, writes[0].key, "AAPL", writes[0].version("AAPL"))
    record.deliveries.sort()
    (wait,) = held(record, writes).broken
    assert wait.startswith("wait of 25.0 s at 0.0 s")


def test_nothing_heard_until_the_end_is_an_endless_silence() -> None:
    assert held(told(), many([0])).silence.seconds == float("inf")


def test_a_fault_widens_the_bound_of_those_who_were_at_its_container() -> None:
    writes = many([0, 1, 2])
    here, there = fault("sqs-denied", 0, 15, 0), fault("sqs-denied", 0, 15, 1)
    record = late(writes, 15)
    assert held(record, writes, here).broken == []
    assert held(record, writes, fault("relay-stopped", 0, 40, None)).broken == []
    assert len(held(record, writes, there).broken) == 2
    assert len(held(late(writes, 21), writes, here).broken) == 2, "but not without end"


def test_what_was_felt_of_a_fault_is_the_longest_of_all() -> None:
    writes = many([0, 1])
    items = {one.key: [one] for one in writes}
    faults = [fault("sqs-denied", 0, 15, 0), fault("sqs-denied", 0, 15, 1)]
    felt = {number: Felt(one) for number, one in enumerate(faults)}
    account(late(writes, 9), items, spells(items), faults, START, felt)
    assert (felt[0].silence, felt[0].wait) == (9, 9)
    assert (felt[1].silence, felt[1].wait) == (0, 0)


def test_a_client_without_a_stream_is_wrong() -> None:
    assert held(Record(0, None), [write(0, POSITIVE)]).broken == ["it never had a stream"]


def test_a_snapshot_replaces_the_state_and_what_came_meanwhile_is_applied_to_it() -> None:
    record = Record(0, frozenset({"AAPL"}))
    view = View(record)
    view.deliver(1, 0, KEY, "AAPL", "old")
    view.begin_anew("too_old")
    other = Key("other", KEY.timestamp)
    view.deliver(2, 0, other, "AAPL", "newer")
    assert view.state == {(KEY, "AAPL"): "old"}
    view.snapshot(3, {(other, "AAPL"): "new", (other, "MSFT"): "not wanted"})
    assert view.state == {(other, "AAPL"): "newer"}
    assert [(one.key, one.version) for one in record.shown] == [
        (KEY, "old"),
        (KEY, None),
        (other, "new"),
        (other, "newer"),
    ]
    assert [delivery.version for delivery in record.deliveries] == ["old", "newer"]
    assert Delivery(2, 0, other, "AAPL", "newer", True) in record.deliveries


def test_a_short_way_there_that_nobody_saw_is_no_wait_until_the_version_after_the_way_back() -> None:
    writes = [write(0, POSITIVE), write(20, NEGATIVE), write(20.5, POSITIVE), write(60, NEUTRAL)]
    assert held(told((0.1, POSITIVE), (60.1, NEUTRAL)), writes).wait.seconds < 1


def test_a_repeat_of_the_way_there_long_after_the_way_back_is_no_wait() -> None:
    writes = [write(0, POSITIVE), write(20, NEGATIVE), write(20.5, POSITIVE)]
    record = told((0.1, POSITIVE), (60, POSITIVE), (60.1, NEGATIVE), (60.2, POSITIVE))
    assert held(record, writes).wait.seconds < 1


def test_an_older_version_that_comes_back_for_a_while_is_a_wait_for_the_newer_one() -> None:
    writes = [write(0, POSITIVE), write(1, NEGATIVE)]
    for back, broken in ((10 + QUIET - 1, 0), (10 + QUIET + 1, 1)):
        said = held(told((0.1, POSITIVE), (1.1, NEGATIVE), (10, POSITIVE), (back, NEGATIVE)), writes)
        assert said.ghosts == []
        assert len(said.broken) == broken
    assert "one AAPL, set back" in said.broken[0]
