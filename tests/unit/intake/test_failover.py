"""The mode follows from what was heard: every transition, every bound, and no flapping whatever comes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.change import LATENESS_MS
from streamer.intake.failover import LONGEST_PROOF, RELAPSE, TOLERANCE, Failover, ModeName, PushState, Switch
from streamer.intake.signals import (
    LeaseFailed,
    LeaseGone,
    LeaseTaken,
    MessageReceived,
    Queried,
    QueryFailed,
    QueueFailed,
    QueueRead,
    Signal,
    Tick,
)
from tests.unit.intake.fakes import NOW_MS

DENIED = "sqs:CreateQueue: AccessDenied"
SILENCE = 150_000
HUNG = 12_500
POLLING, CHECKING = 5_000, 15_000

At = tuple[int, Signal]
"""A signal, and when it was heard: milliseconds after NOW_MS."""


def clean(at: int) -> At:
    return at, Queried(NOW_MS + at, 0)


def missing(at: int, missed: int = 1) -> At:
    return at, Queried(NOW_MS + at, missed)


def heard(at: int) -> At:
    return at, MessageReceived(NOW_MS + at)


TAKEN: At = (0, LeaseTaken(NOW_MS))
HEARD: list[At] = [TAKEN, clean(1), heard(2), (3, QueueRead(1))]
PROVEN: list[At] = [*HEARD, clean(4)]


def played(history: Iterable[At], failover: Failover | None = None) -> Failover:
    failover = failover or Failover(NOW_MS)
    for at, signal in history:
        failover.hear(signal, NOW_MS + at)
    return failover


def modes(history: Iterable[At], failover: Failover | None = None) -> list[ModeName]:
    """The mode after each signal."""
    failover = failover or Failover(NOW_MS)
    return [played([one], failover).mode for one in history]


def test_it_begins_down_since_the_start_and_says_why() -> None:
    failover = Failover(NOW_MS)
    assert (failover.mode, failover.since_ms, failover.push) == ("down", NOW_MS, PushState.BROKEN)
    assert failover.reason == "starting: the table has not answered yet"
    played([(1, Tick())], failover)
    assert failover.reason == "no queue yet; the table has not answered yet"


def test_where_there_is_no_queue_it_is_poll_and_down_only_while_the_table_fails() -> None:
    failover = Failover(NOW_MS, alone=True)
    history: list[At] = [(0, Tick()), clean(1), (SILENCE * 10, Tick())]
    assert modes(history, failover) == ["down", "poll", "poll"]
    assert failover.reason == "no queue in this deployment: the table is polled"
    failing: list[At] = [
        (at, QueryFailed("dynamodb:Query: Throttled")) for at in (SILENCE * 10, SILENCE * 10 + TOLERANCE)
    ]
    assert modes(failing, failover) == ["poll", "down"]
    assert failover.reason == "no queue in this deployment; the table cannot be read (dynamodb:Query: Throttled)"
    assert modes([clean(SILENCE * 11)], failover) == ["poll"]


def test_from_the_start_to_push_each_step_takes_its_proof() -> None:
    assert modes(PROVEN) == ["down", "poll", "both", "both", "push"]


def test_a_switch_says_from_what_to_what_why_and_when() -> None:
    failover = played([TAKEN])
    assert failover.hear(Queried(NOW_MS, 0), NOW_MS + 7) == Switch(
        "poll", "down", "no message has come through the queue yet", NOW_MS + 7
    )
    assert failover.since_ms == NOW_MS + 7
    assert failover.hear(Queried(NOW_MS, 0), NOW_MS + 9) is None
    assert failover.since_ms == NOW_MS + 7


def test_what_goes_on_well_switches_nothing() -> None:
    going_on = [
        one for at in range(10, 600_000, 10_000) for one in ((at, QueueRead(0)), heard(at), clean(at), (at, Tick()))
    ]
    assert set(modes(going_on, played(PROVEN))) == {"push"}


@pytest.mark.parametrize(
    ("given", "then", "expected"),
    [
        # push proven
        (PROVEN, [(9, LeaseGone("x"))], "poll"),
        (PROVEN, [(9, LeaseFailed("x"))], "poll"),
        (PROVEN, [(9, LeaseTaken(NOW_MS + 9))], "poll"),
        (PROVEN, [(9, QueueRead(0))], "push"),
        (PROVEN, [(9, QueueFailed("x"))], "push"),
        (PROVEN, [missing(9)], "push"),
        (PROVEN, [missing(9), missing(10)], "poll"),
        (PROVEN, [missing(9), clean(10), missing(11)], "push"),
        (PROVEN, [(9, QueryFailed("x")), (9 + TOLERANCE, QueryFailed("x"))], "push"),
        (PROVEN, [(9, Tick())], "push"),
        # push heard
        (HEARD, [(9, LeaseGone("x"))], "poll"),
        (HEARD, [(9, LeaseFailed("x"))], "poll"),
        (HEARD, [(9, LeaseTaken(NOW_MS + 9))], "poll"),
        (HEARD, [(9, QueueFailed("x"))], "both"),
        (HEARD, [(9, QueueFailed("x")), (9 + TOLERANCE, QueueFailed("x"))], "poll"),
        (HEARD, [missing(9), missing(10), missing(11)], "both"),
        (HEARD, [(9, QueryFailed("x"))], "both"),
        (HEARD, [(9, QueryFailed("x")), (9 + TOLERANCE, QueryFailed("x"))], "push"),
        (HEARD, [(9, QueryFailed("x")), (9 + TOLERANCE, QueryFailed("x")), missing(9 + TOLERANCE)], "both"),
        # push broken
        ([TAKEN, clean(1)], [(9, QueueRead(0)), clean(10), clean(11)], "poll"),
        ([TAKEN, clean(1)], [(9, Tick())], "poll"),
        ([TAKEN, clean(1)], [(9, QueryFailed("x"))], "poll"),
        ([TAKEN, clean(1)], [(9, QueryFailed("x")), (9 + TOLERANCE, QueryFailed("x"))], "down"),
        ([TAKEN], [heard(2), (3, QueueRead(1))], "both"),
        ([TAKEN], [heard(2), (3, QueueRead(1)), (4, QueryFailed("x"))], "push"),
        ([TAKEN], [(1, QueryFailed("x"))], "down"),
        ([], [heard(2), clean(3), (4, QueueRead(1))], "poll"),
        (PROVEN, [(9, LeaseGone("x")), heard(10), (11, QueueRead(1)), clean(12)], "poll"),
        (PROVEN, [(9, LeaseGone("x")), (10, LeaseTaken(NOW_MS)), heard(11), clean(12)], "both"),
    ],
)
def test_each_transition(given: list[At], then: list[At], expected: ModeName) -> None:
    assert modes(then, played(given))[-1] == expected


@pytest.mark.parametrize("signal", [LeaseFailed(DENIED), LeaseGone(DENIED), QueueFailed(DENIED), QueryFailed(DENIED)])
def test_a_reason_says_what_was_heard_and_only_that(signal: Signal) -> None:
    failover = played([TAKEN, (HUNG, signal)])
    assert DENIED in failover.reason
    assert "arn:" not in failover.reason


def test_when_both_fail_the_reason_names_both() -> None:
    failover = played([(0, LeaseFailed(DENIED)), (1, QueryFailed("dynamodb:Query: Denied"))])
    assert failover.reason == f"no queue could be had ({DENIED}); the table cannot be read (dynamodb:Query: Denied)"


def test_a_reason_can_change_while_the_mode_does_not() -> None:
    failover = played(PROVEN)
    played([(9, QueryFailed("x")), (9 + TOLERANCE, QueryFailed("y"))], failover)
    assert (failover.mode, failover.reason) == ("push", "unchecked: the table cannot be read (y)")
    assert failover.since_ms == NOW_MS + 4
    played([clean(TOLERANCE + 10)], failover)
    assert failover.reason == "the queue brings what the table has"


def test_receives_may_fail_for_ten_seconds_and_no_longer() -> None:
    failing: list[At] = [(at, QueueFailed("x")) for at in (100, 5_000, 99 + TOLERANCE, 100 + TOLERANCE)]
    assert modes(failing, played(PROVEN)) == ["push", "push", "push", "poll"]


def test_a_long_wait_that_was_cut_at_its_end_is_no_outage_of_ten_seconds() -> None:
    cut: list[At] = [(9_900, QueueFailed("x")), (10_100, QueueFailed("x")), (HUNG + 2, QueueFailed("x"))]
    assert set(modes([*cut, (HUNG + 3, QueueRead(0))], played(PROVEN))) == {"push"}


def test_one_receive_that_works_ends_the_trouble() -> None:
    mixed: list[At] = [
        (5, QueueFailed("x")),
        (9_000, QueueRead(0)),
        (9_500, QueueFailed("x")),
        (19_400, QueueFailed("x")),
    ]
    assert set(modes(mixed, played(PROVEN))) == {"push"}
    assert modes([(19_500, QueueFailed("x"))], played([*PROVEN, *mixed])) == ["poll"]


@pytest.mark.parametrize("wait_ms", [1_000, 10_000, 20_000])
def test_a_first_receive_that_hung_counts_at_once_and_one_that_did_not_does_not(wait_ms: int) -> None:
    hung = 3 + max(TOLERANCE, wait_ms + 2_500)  # PROVEN's last receive came back at 3
    for at, expected in ((hung - 1, "push"), (hung, "poll")):
        assert modes([(at, QueueFailed("x"))], played(PROVEN, Failover(NOW_MS, wait_ms=wait_ms))) == [expected]


def test_a_query_may_fail_for_ten_seconds_even_after_a_long_pause_between_two() -> None:
    failing: list[At] = [(at, QueryFailed("x")) for at in (CHECKING, CHECKING + TOLERANCE - 1, CHECKING + TOLERANCE)]
    assert modes(failing, played(HEARD)) == ["both", "both", "push"]
    between = [(9, QueryFailed("x")), clean(9_000), (9_001, QueryFailed("x")), (9_000 + TOLERANCE, QueryFailed("x"))]
    assert set(modes(between, played(HEARD))) <= {"both", "push"}
    assert played(between, played(HEARD)).reason == "the queue brings what the table has"


def test_silence_is_borne_for_the_canarys_timeout_and_no_longer() -> None:
    for so_far, before in ((PROVEN, "push"), (HEARD, "both")):
        waiting: list[At] = [(100, QueueRead(0)), (2 + SILENCE, Tick()), (3 + SILENCE, Tick())]
        assert modes(waiting, played(so_far)) == [before, before, "poll"]
    failover = played(PROVEN, Failover(NOW_MS, canary_timeout_ms=90_000))
    assert modes([(2 + 90_000, Tick()), (3 + 90_000, Tick())], failover) == ["push", "poll"]
    assert failover.reason == "no message for 90 s"


def test_silence_shows_whatever_else_is_heard() -> None:
    for signal in (QueueRead(0), Queried(NOW_MS, 0), QueueFailed("x"), QueryFailed("x"), MessageReceived(NOW_MS)):
        assert played([(3 + SILENCE, signal)], played(PROVEN)).push is PushState.BROKEN


def test_a_repeat_of_an_old_message_is_no_evidence() -> None:
    failover = played([*PROVEN, (9, LeaseGone("x")), (10, LeaseTaken(NOW_MS)), clean(11)])
    assert modes([(20, MessageReceived(NOW_MS + 15)), (20, QueueRead(1))], failover)[-1] == "both"
    assert modes([(3 * SILENCE, Tick())], failover) == ["poll"]
    repeats: list[At] = [
        (3 * SILENCE + 9, MessageReceived(NOW_MS + 15)),
        (3 * SILENCE + 10, QueueRead(1)),
        clean(3 * SILENCE + 11),
    ]
    assert set(modes(repeats, failover)) == {"poll"}
    assert modes([heard(3 * SILENCE + 20)], failover) == ["both"]


def test_a_delete_that_always_fails_does_not_make_it_flap() -> None:
    failover = played(PROVEN)
    coming_again: list[At] = []
    for at in range(1_000, 2 * RELAPSE, 5_000):
        coming_again += [(at, MessageReceived(NOW_MS + 2)), (at, QueueRead(1, undeleted=1)), clean(at)]
    seen = modes(coming_again, failover)
    assert [(was, now) for was, now in pairwise(seen) if was != now] == [("push", "poll")], "by silence, and for good"


def test_a_message_with_a_clock_far_ahead_does_not_hide_those_that_follow() -> None:
    failover = played([TAKEN, clean(1), (2, MessageReceived(NOW_MS + 10**11)), (3, QueueRead(1)), clean(4)])
    going_on = [one for at in range(60_000, 600_000, 60_000) for one in (heard(at), (at, QueueRead(1)), clean(at))]
    assert set(modes(going_on, failover)) == {"push"}
    assert failover.mode == "push"


def test_what_is_heard_counts_once_receives_work() -> None:
    failover = played([*PROVEN, (100, QueueFailed("x")), (100 + TOLERANCE, QueueFailed("x"))])
    assert failover.mode == "poll"
    handed_over_but = [heard(11_000), (11_100, QueueFailed("hand-over")), heard(12_000), clean(12_001)]
    assert set(modes(handed_over_but, failover)) == {"poll"}
    assert modes([(12_100, QueueRead(1))], failover) == ["both"]


def test_receives_that_work_again_are_nothing_until_a_new_message_comes() -> None:
    failover = played([*PROVEN, (HUNG + 3, QueueFailed("x")), (HUNG + 4, QueueRead(0)), clean(HUNG + 5)])
    assert failover.mode == "poll"
    assert modes([heard(HUNG + 6)], failover) == ["both"]


def test_a_query_that_began_before_the_message_proves_nothing() -> None:
    failover = played(HEARD)
    assert modes([(9, Queried(NOW_MS + 1, 0))], failover) == ["both"]
    assert modes([(10, Queried(NOW_MS + 2, 0))], failover) == ["push"]


def test_a_query_that_judges_nothing_proves_push_only_if_it_found_nothing_new() -> None:
    assert modes([(9, Queried(NOW_MS + 9, 0, fetched=1, judges=False))], played(HEARD)) == ["both"]
    assert modes([(9, Queried(NOW_MS + 9, 0, judges=False))], played(HEARD)) == ["push"]


def relapsed(times: int, spell_ms: int = 1_000) -> tuple[Failover, int]:
    """PushState broken anew so often, each time so long after it was proven; and the time by then."""
    failover, at = played(PROVEN), 4
    for _ in range(times):
        at += spell_ms
        played([heard(at - 1), (at, LeaseGone("x")), (at, LeaseTaken(NOW_MS)), heard(at)], failover)
        while played([clean(at)], failover).push is not PushState.PROVEN:
            at += 1
    return failover, at


def needed(failover: Failover, at: int) -> int:
    """How many queries without a miss prove push after it broke now."""
    played([(at, LeaseGone("x")), (at, LeaseTaken(NOW_MS)), heard(at)], failover)
    for count in range(1, 100):
        if played([clean(at + count)], failover).push is PushState.PROVEN:
            return count
    raise AssertionError("never proven")


@pytest.mark.parametrize(("times", "expected"), [(0, 2), (1, 4), (3, 16), (4, 32), (5, LONGEST_PROOF), (9, 32)])
def test_each_relapse_doubles_what_proves_push_up_to_32(times: int, expected: int) -> None:
    failover, at = relapsed(times)
    assert needed(failover, at + 1) == expected


def test_five_good_minutes_wipe_the_slate() -> None:
    assert RELAPSE == 5 * 60 * 1000
    for wait_ms, expected in ((RELAPSE - 1, 16), (RELAPSE, 1)):
        failover, at = relapsed(3)
        played([heard(at + RELAPSE - 1)], failover)
        played([heard(at + wait_ms)], failover)
        assert needed(failover, at + wait_ms) == expected


def test_a_miss_begins_the_proof_anew() -> None:
    failover, at = relapsed(1)
    played([(at, LeaseGone("x")), (at, LeaseTaken(NOW_MS)), heard(at)], failover)
    proof = [
        clean(at + 1),
        clean(at + 2),
        clean(at + 3),
        missing(at + 4),
        *(clean(at + count) for count in range(5, 9)),
    ]
    assert modes(proof, failover) == ["both"] * 7 + ["push"]


def test_the_two_misses_must_follow_each_other_since_push_was_proven() -> None:
    failover = played([*PROVEN, missing(9), (10, LeaseGone("x")), (11, LeaseTaken(NOW_MS)), heard(12)])
    played([clean(13), clean(14)], failover)
    assert failover.push is PushState.PROVEN
    assert modes([missing(15), missing(16)], failover) == ["push", "poll"]


def test_a_clock_set_back_neither_ends_nor_begins_an_outage() -> None:
    back: list[At] = [
        (100, QueueFailed("x")),
        (-60_000, QueueFailed("x")),
        (-50_000, Tick()),
        (-40_000, QueryFailed("x")),
    ]
    assert set(modes(back, played(PROVEN))) == {"push"}
    broken = played([*PROVEN, (100, QueueFailed("x")), (100 + TOLERANCE, QueueFailed("x"))])
    assert set(modes([(-60_000, QueueFailed("x")), (-50_000, Tick())], broken)) == {"poll"}


# Random histories


def anything(now_ms: int) -> list[Signal]:
    return [
        LeaseTaken(now_ms),
        LeaseGone("x"),
        LeaseFailed("x"),
        QueueRead(0),
        QueueFailed("x"),
        MessageReceived(now_ms),
        MessageReceived(NOW_MS),
        MessageReceived(NOW_MS + 10**12),
        Queried(now_ms, 0),
        Queried(NOW_MS, 0),
        Queried(now_ms, 2),
        QueryFailed("x"),
        Tick(),
    ]


@st.composite
def histories(draw: st.DrawFn) -> list[At]:
    """Days at random: any signals in any order, and among them spells of good and of bad times."""
    at = 0
    history: list[At] = []

    def say(signal: Signal) -> None:
        history.append((at, signal))

    for _ in range(draw(st.integers(0, 25))):
        at += draw(st.sampled_from([0, 200, 1_000, 4_500, 15_000, 61_000, SILENCE + 1, RELAPSE]))
        way = draw(st.sampled_from(["good", "good", "good", "lease", "hang", "refused", "missing", "table", "any"]))
        count = draw(st.integers(1, 40))
        if way == "good":
            say(LeaseTaken(NOW_MS + at))
            for _ in range(count):
                at += draw(st.sampled_from([4_500, 5_000, CHECKING]))
                say(MessageReceived(NOW_MS + at))
                say(QueueRead(1))
                say(Queried(NOW_MS + at, 0))
        elif way == "lease":
            say(draw(st.sampled_from(anything(NOW_MS + at)[:3])))
        elif way in ("hang", "refused"):
            for _ in range(min(count, 5)):
                at += HUNG if way == "hang" else draw(st.integers(1, 8_000))
                say(QueueFailed("x"))
        elif way == "missing":
            for _ in range(min(count, 5)):
                at += CHECKING
                say(MessageReceived(NOW_MS + at))
                say(Queried(NOW_MS + at, 3))
        elif way == "table":
            for _ in range(min(count, 5)):
                at += draw(st.integers(1, 8_000))
                say(QueryFailed("x"))
        else:
            for _ in range(min(count, 10)):
                at += draw(st.sampled_from([0, 1, 4_500, 10_000]))
                say(draw(st.sampled_from(anything(NOW_MS + at))))
    return history


@settings(max_examples=150)
@given(histories())
def test_switches_are_bounded(history: list[At]) -> None:
    """Into trust in push: at the beginning, and after each spell of five minutes or more (T / 300 s of them at most),
    the proofs take 1, 2, 4, 8, 16, 32, 32, … queries without a miss. So Q such queries prove at most 6 + Q / 32 times
    for each such beginning; and Q is at most T / 4.5 s.

    At all: push breaks by a lease's end, by receives that failed for 10 s since it was trusted, by 150 s of silence, or
    by misses after it was proven; each time it is heard, perhaps proven, and breaks: three switches. The table fails at
    most once in 10 s, and answers again: two switches.
    """
    failover = Failover(NOW_MS)
    standing, proven, switches, leases, queries = failover.push, 0, 0, 0, 0
    for at, signal in history:
        switch = failover.hear(signal, NOW_MS + at)
        if switch is not None:
            switches += 1
            assert switch.before != switch.mode == failover.mode
        leases += isinstance(signal, LeaseTaken | LeaseGone | LeaseFailed)
        queries += isinstance(signal, Queried) and not signal.missed
        proven += failover.push is PushState.PROVEN and standing is not PushState.PROVEN
        standing = failover.push
    elapsed = history[-1][0] if history else 0
    assert proven <= 6 * (elapsed // RELAPSE + 1) + queries // LONGEST_PROOF
    breaks = leases + elapsed // TOLERANCE + elapsed // SILENCE + proven
    assert switches <= 3 * (breaks + 1) + 2 * (elapsed // TOLERANCE + 1)


def test_a_push_that_breaks_as_often_as_it_is_proven_is_trusted_ever_more_seldom() -> None:
    """The worst of all cases in one hour: queries every 5 s, and whenever push is proven it breaks at once."""
    failover, proven = played([TAKEN]), 0
    for at in range(POLLING, 3_600_000, POLLING):
        played([heard(at), (at, QueueRead(1)), clean(at)], failover)
        if failover.push is PushState.PROVEN:
            proven += 1
            played([(at + 1, LeaseGone("x")), (at + 2, LeaseTaken(NOW_MS))], failover)
    assert proven <= 6 + (3_600_000 // POLLING - 63) // LONGEST_PROOF


def with_a_lease(history: list[At], at: int) -> list[At]:
    lease = [signal for _, signal in history if isinstance(signal, LeaseTaken | LeaseGone | LeaseFailed)]
    return [] if lease and isinstance(lease[-1], LeaseTaken) else [(at, LeaseTaken(NOW_MS + at))]


def end_of(history: list[At]) -> int:
    return max((at for at, _ in history), default=0)


@settings(max_examples=80)
@example([TAKEN, (5, MessageReceived(NOW_MS + 10**12))])
@given(histories())
def test_after_any_history_a_healthy_time_ends_in_push_and_stays_there(history: list[At]) -> None:
    failover, start = played(history), end_of(history)
    played(with_a_lease(history, start + 1), failover)
    seen = []
    for at in range(start + 2, start + (LONGEST_PROOF + 20) * POLLING, POLLING):
        seen += modes([heard(at), (at + 1, QueueRead(1)), clean(at + 2)], failover)
    proof = 3 * (LONGEST_PROOF + 1)
    assert set(seen[proof:]) == {"push"}
    assert failover.push is PushState.PROVEN
    assert len([1 for was, now in pairwise(seen) if was != now]) <= 3, "straight to it"


def breaking(way: str, start: int) -> Iterator[At]:
    """Five minutes in which push brings nothing new."""
    if way == "lease":
        yield start, LeaseGone("x")
    elif way == "denied":
        for at in range(start, start + RELAPSE, 30_000):
            yield at, LeaseFailed("x")
    elif way == "hang":
        for at in range(start + 15_000, start + RELAPSE, 15_000):
            yield at, QueueFailed("x")
    elif way == "refused":
        for at in range(start, start + RELAPSE, 4_000):
            yield at, QueueFailed("x")
    elif way == "undeleted":
        for at in range(start, start + RELAPSE, 5_000):
            yield from ((at, MessageReceived(NOW_MS)), (at, QueueRead(1, undeleted=1)))
    else:
        for at in range(start, start + RELAPSE, 10_000):
            yield at, QueueRead(0)


def beside(push: Iterable[At], table: Iterable[At]) -> list[At]:
    return sorted([*push, *table], key=lambda one: one[0])


WAYS = st.sampled_from(["lease", "denied", "hang", "refused", "undeleted", "silent"])


@settings(max_examples=80)
@given(histories(), WAYS, st.integers(0, 3))
def test_after_any_history_a_broken_push_ends_in_poll(history: list[At], way: str, missed: int) -> None:
    failover, start = played(history), end_of(history) + 1
    queries: list[At] = [(at, Queried(NOW_MS + at, missed)) for at in range(start, start + RELAPSE, POLLING)]
    seen = modes(beside(breaking(way, start), queries), failover)
    assert set(seen[-20:]) == {"poll"}


@settings(max_examples=80)
@given(histories(), WAYS)
def test_after_any_history_both_broken_ends_down(history: list[At], way: str) -> None:
    failover, start = played(history), end_of(history) + 1
    failing: list[At] = [(at, QueryFailed("x")) for at in range(start, start + RELAPSE, POLLING)]
    seen = modes(beside(breaking(way, start), failing), failover)
    assert set(seen[-20:]) == {"down"}


@settings(max_examples=80)
@given(histories())
def test_after_any_history_push_that_works_beside_a_table_that_fails_ends_in_push(history: list[At]) -> None:
    failover, start = played(history), end_of(history) + 1
    played(with_a_lease(history, start), failover)
    seen = []
    for at in range(start + 1, start + RELAPSE, POLLING):
        seen += modes([heard(at), (at, QueueRead(1)), (at, QueryFailed("x"))], failover)
    assert set(seen[3 * 4 :]) == {"push"}


@settings(max_examples=60)
@given(histories())
def test_push_that_misses_something_each_time_is_never_trusted_again(history: list[At]) -> None:
    failover, start = played(history), end_of(history) + 1
    played(with_a_lease(history, start), failover)
    seen = []
    for at in range(start + 1, start + RELAPSE, POLLING):
        seen += modes([heard(at), (at, QueueRead(1)), missing(at)], failover)
    assert set(seen[3 * 4 :]) == {"both"}


def test_push_that_was_there_before_the_first_query_has_brought_the_changes_of_every_item() -> None:
    failover = played(HEARD)
    assert failover.complete_after_ms is None, "not proven"
    assert played(PROVEN).complete_after_ms == 0
    # Attempts that failed before the first query lose nothing.
    assert played([(0, LeaseFailed(DENIED)), *PROVEN]).complete_after_ms == 0


def test_a_queue_younger_than_the_first_query_brought_only_the_changes_of_recent_items() -> None:
    history = [clean(0), (1, LeaseTaken(NOW_MS + 1)), clean(2), heard(3), (4, QueueRead(1)), clean(5)]
    assert played(history).complete_after_ms == NOW_MS + 5 - LATENESS_MS


@pytest.mark.parametrize(
    "trouble",
    [
        [(10, LeaseGone("gone")), (11, LeaseTaken(NOW_MS + 11))],
        [(10, QueueFailed("down")), (10 + TOLERANCE, QueueFailed("down"))],
        [(10 + SILENCE, Tick())],
        [missing(10), missing(11)],
    ],
)
def test_after_push_was_broken_older_items_are_not_trusted_any_more(trouble: list[At]) -> None:
    failover = played([*PROVEN, *trouble])
    assert failover.complete_after_ms is None
    later = 200_000
    played([heard(later), (later + 1, QueueRead(1)), clean(later + 2), clean(later + 3)], failover)
    assert failover.push is PushState.PROVEN
    # Sooner than five minutes after it was proven: it needs two queries.
    assert failover.complete_after_ms == NOW_MS + later + 3 - LATENESS_MS


def test_push_that_breaks_before_it_was_proven_may_have_lost_something_too() -> None:
    broken = [*HEARD, (3 + SILENCE, Tick()), heard(4 + SILENCE), (5 + SILENCE, QueueRead(1)), clean(6 + SILENCE)]
    assert played(broken).complete_after_ms == NOW_MS + 6 + SILENCE - LATENESS_MS


def test_what_a_new_queue_missed_before_it_was_proven_is_a_loss_too() -> None:
    for history in (
        [TAKEN, clean(1), missing(2), heard(3), (4, QueueRead(1)), clean(5)],
        [*HEARD, missing(4), clean(5)],
    ):
        failover = played(history)
        assert failover.push is PushState.PROVEN
        assert failover.complete_after_ms == NOW_MS + 5 - LATENESS_MS


def test_one_query_with_a_miss_is_a_loss_that_may_not_be_the_only_one() -> None:
    failover = played([*PROVEN, missing(10), clean(20)])
    assert failover.push is PushState.PROVEN
    assert failover.complete_after_ms == NOW_MS + 10 - LATENESS_MS
