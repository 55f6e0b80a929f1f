"""The mode follows from what was heard: push once the queue has answered, down with the reason in plain words."""

from __future__ import annotations

import pytest

from streamer.intake.failover import PATIENCE, Failover, Switch
from streamer.intake.signals import LeaseFailed, LeaseGone, LeaseTaken, Polled, PollFailed, Signal
from tests.unit.intake.fakes import NOW_MS

DENIED = "sqs:CreateQueue: AccessDenied"
TAKEN = LeaseTaken(NOW_MS)


def pushing(now_ms: int = NOW_MS) -> Failover:
    failover = Failover(now_ms)
    failover.hear(TAKEN, now_ms)
    assert failover.hear(Polled(0), now_ms) is not None
    return failover


def test_it_begins_down_since_the_start() -> None:
    failover = Failover(NOW_MS)
    assert (failover.mode, failover.since_ms) == ("down", NOW_MS)
    assert failover.reason == "starting: no queue yet"


def test_a_lease_alone_is_no_proof() -> None:
    failover = Failover(NOW_MS)
    assert failover.hear(TAKEN, NOW_MS + 1) is None
    assert failover.mode == "down"
    assert failover.reason == "the queue has not answered yet"


def test_a_lease_and_a_poll_are_push() -> None:
    failover = Failover(NOW_MS)
    failover.hear(TAKEN, NOW_MS + 1)
    assert failover.hear(Polled(0), NOW_MS + 2) == Switch("push", "down", "the queue answers", NOW_MS + 2)
    assert (failover.mode, failover.since_ms) == ("push", NOW_MS + 2)


def test_further_polls_switch_nothing() -> None:
    failover = pushing()
    assert failover.hear(Polled(7), NOW_MS + 5_000) is None
    assert failover.since_ms == NOW_MS


def test_a_lease_that_cannot_be_had_changes_the_reason_not_the_mode() -> None:
    failover = Failover(NOW_MS)
    assert failover.hear(LeaseFailed(DENIED), NOW_MS + 9) is None
    assert failover.reason == f"no queue could be had ({DENIED})"
    assert failover.since_ms == NOW_MS


def test_a_lost_lease_is_down_at_once() -> None:
    failover = pushing()
    switch = failover.hear(LeaseGone("sqs:ReceiveMessage: QueueDoesNotExist"), NOW_MS + 9)
    assert switch == Switch("down", "push", "the queue was lost (sqs:ReceiveMessage: QueueDoesNotExist)", NOW_MS + 9)


def test_a_new_lease_has_to_prove_itself_anew() -> None:
    failover = pushing()
    failover.hear(LeaseGone("gone"), NOW_MS + 1)
    assert failover.hear(LeaseTaken(NOW_MS + 2), NOW_MS + 2) is None
    assert failover.mode == "down"
    assert failover.hear(Polled(0), NOW_MS + 3) is not None


def test_short_trouble_is_borne() -> None:
    failover = pushing()
    assert failover.hear(PollFailed("timeout"), NOW_MS + 1) is None
    assert failover.hear(PollFailed("timeout"), NOW_MS + PATIENCE) is None
    assert failover.mode == "push"


def test_ten_seconds_of_failing_polls_are_down() -> None:
    failover = pushing()
    failover.hear(PollFailed("timeout"), NOW_MS + 1)
    switch = failover.hear(PollFailed("reset"), NOW_MS + 1 + PATIENCE)
    assert switch == Switch("down", "push", "receiving fails (reset)", NOW_MS + 1 + PATIENCE)


def test_one_good_poll_ends_the_trouble() -> None:
    failover = pushing()
    failover.hear(PollFailed("timeout"), NOW_MS)
    failover.hear(Polled(0), NOW_MS + 9_000)
    assert failover.hear(PollFailed("timeout"), NOW_MS + 12_000) is None
    failover.hear(PollFailed("timeout"), NOW_MS + 22_000)
    assert failover.mode == "down"
    switch = failover.hear(Polled(1), NOW_MS + 23_000)
    assert switch is not None
    assert switch.mode == "push"


def test_a_clock_set_back_neither_ends_nor_begins_an_outage() -> None:
    failover = pushing()
    failover.hear(PollFailed("timeout"), NOW_MS)
    assert failover.hear(PollFailed("timeout"), NOW_MS - 60_000) is None
    failover.hear(PollFailed("timeout"), NOW_MS + PATIENCE)
    assert failover.hear(PollFailed("timeout"), NOW_MS - 60_000) is None
    assert failover.mode == "down"


@pytest.mark.parametrize("signal", [LeaseFailed(DENIED), LeaseGone(DENIED), PollFailed(DENIED)])
def test_a_reason_says_what_was_heard(signal: Signal) -> None:
    failover = Failover(NOW_MS)
    failover.hear(signal, NOW_MS)
    assert DENIED in failover.reason
