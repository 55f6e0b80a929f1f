"""Heartbeats and checks of a lease: as often as they should be, and never an end but for a lease that is lost."""

from __future__ import annotations

import logging

import pytest

from streamer.errors import LeaseLost
from streamer.intake.lease import Lease
from streamer.intake.reaper import DEAD_AFTER
from streamer.intake.upkeep import AGAIN, HEARTBEAT, SPACING, Upkeep
from tests.unit.intake.fakes import PREFIX, TOPIC_ARN, FakeAws, refusal, silence

CHECK = ["get_subscription_attributes", "get_queue_attributes"]


class Held:
    """A lease just taken, and its upkeep; `part` of an interval is what the jitter picks."""

    def __init__(self, part: float = 1.0) -> None:
        self.aws = FakeAws()
        self.part = part
        sqs, sns = self.aws.clients()
        lease = Lease.acquire(sqs, sns, TOPIC_ARN, PREFIX, wait_seconds=10, now=self.aws.clock)
        self.upkeep = Upkeep(lease, interval=HEARTBEAT, jitter=self.jitter, now=self.aws.clock)
        self.aws.calls.clear()

    def jitter(self, low: float, high: float) -> float:
        return low + self.part * (high - low)

    def due_in(self) -> float:
        """Seconds until the next heartbeat; the clock is there afterwards."""
        seconds = 0
        while not self.upkeep.due():
            self.aws.advance(1)
            seconds += 1
        return seconds


@pytest.mark.parametrize(("part", "seconds"), [(0.0, 240), (1.0, 300)])
def test_a_heartbeat_is_due_after_80_to_100_percent_of_five_minutes(part: float, seconds: int) -> None:
    held = Held(part)
    for _ in range(3):
        assert held.due_in() == seconds
        held.upkeep.beat()


def test_several_heartbeats_may_fail_before_the_reaper_comes() -> None:
    assert DEAD_AFTER / 1000 >= 5 * HEARTBEAT + 5 * AGAIN


def test_a_heartbeat_comes_with_a_check() -> None:
    held = Held()
    held.due_in()
    held.upkeep.beat()
    assert held.aws.calls == ["tag_queue", *CHECK]
    (queue,) = held.aws.queues.values()
    assert queue.tags["heartbeat"] == "2026-11-22T15:01:40.000Z"


@pytest.mark.parametrize("error", [refusal("RequestThrottled"), silence(), ZeroDivisionError()])
def test_a_heartbeat_that_fails_is_logged_and_tried_again_within_a_minute(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    held = Held()
    held.due_in()
    held.aws.script["tag_queue"] = [error, error]
    for _ in range(2):
        held.upkeep.beat()
        assert held.due_in() == AGAIN
    held.upkeep.beat()
    assert held.due_in() == HEARTBEAT
    assert [(line.message, line.__dict__["what"]) for line in caplog.records] == [("upkeep failed", "heartbeat")] * 2


@pytest.mark.parametrize("operation", CHECK)
def test_a_check_that_fails_is_logged_and_no_loss(operation: str, caplog: pytest.LogCaptureFixture) -> None:
    held = Held()
    held.aws.script[operation] = [refusal("AccessDenied", "not on arn:…")]
    held.upkeep.check()
    (line,) = caplog.records
    assert (line.message, line.__dict__["what"], line.levelno) == ("upkeep failed", "check", logging.WARNING)
    assert line.__dict__["error"].endswith(": AccessDenied")
    assert line.__dict__["said"] == "not on arn:…"


def test_checks_are_ten_seconds_apart() -> None:
    held = Held()
    assert not held.upkeep.may_check()  # a new queue is given time to be known everywhere
    held.aws.advance(SPACING / 1000)
    assert held.upkeep.may_check()
    held.upkeep.check()
    held.aws.advance(SPACING / 1000 - 0.001)
    assert not held.upkeep.may_check()
    held.aws.advance(0.001)
    assert held.upkeep.may_check()


def test_the_time_between_checks_counts_from_the_answer() -> None:
    held = Held()
    held.aws.before["get_queue_attributes"] = lambda: held.aws.advance(15)
    held.upkeep.check()
    assert not held.upkeep.may_check()


def test_a_clock_that_is_set_back_holds_up_nothing() -> None:
    held = Held()
    held.aws.advance(-3600)
    assert held.upkeep.due()
    assert held.upkeep.may_check()
    held.upkeep.beat()
    assert not held.upkeep.due()
    assert held.due_in() == HEARTBEAT


def test_a_lease_that_is_lost_ends_it() -> None:
    held = Held()
    held.aws.drop_subscriptions()
    with pytest.raises(LeaseLost):
        held.upkeep.check()
    with pytest.raises(LeaseLost):
        held.upkeep.beat()
    held.aws.drop_queues()
    with pytest.raises(LeaseLost, match="TagQueue"):
        held.upkeep.beat()
