"""Heartbeats and checks of a lease: as often as they should be, and never an end but for a lease that is lost."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from streamer.errors import LeaseLost
from streamer.intake.keepalive import AGAIN, HEARTBEAT, SPACING, Keepalive
from streamer.intake.lease import Lease
from streamer.intake.reaper import DEAD_AFTER
from tests.unit.intake.fakes import PREFIX, TOPIC_ARN, FakeAws, refusal, silence
from tests.virtual_loop import InlineWorker

CHECK = ["get_subscription_attributes", "get_queue_attributes"]


class Held:
    """A lease just taken, and its keepalive; `part` of an interval is what the jitter picks."""

    def __init__(self, part: float = 1.0) -> None:
        self.aws = FakeAws()
        self.part = part
        sqs, sns = self.aws.clients()
        lease = Lease.acquire(sqs, sns, TOPIC_ARN, PREFIX, wait_seconds=10, now=self.aws.clock)
        worker: Any = InlineWorker()
        self.keepalive = Keepalive(lease, worker, interval=HEARTBEAT, jitter=self.jitter, now=self.aws.clock)
        self.aws.calls.clear()

    def jitter(self, low: float, high: float) -> float:
        return low + self.part * (high - low)

    async def attend(self) -> list[str]:
        """What it calls if it is let do now what is due."""
        self.aws.calls.clear()
        await self.keepalive.attend()
        return list(self.aws.calls)

    async def beats_in(self) -> int:
        """Seconds until the next heartbeat, which is sent."""
        seconds = 0
        while "tag_queue" not in await self.attend():
            self.aws.advance(1)
            seconds += 1
        return seconds


@pytest.mark.parametrize(("part", "seconds"), [(0.0, 240), (1.0, 300)])
async def test_a_heartbeat_is_due_after_80_to_100_percent_of_five_minutes(part: float, seconds: int) -> None:
    held = Held(part)
    assert [await held.beats_in() for _ in range(3)] == [seconds] * 3


def test_several_heartbeats_may_fail_before_the_reaper_comes() -> None:
    assert DEAD_AFTER / 1000 >= 5 * HEARTBEAT + 5 * AGAIN


async def test_a_heartbeat_comes_with_a_check() -> None:
    held = Held()
    held.aws.advance(HEARTBEAT)
    assert await held.attend() == ["tag_queue", *CHECK]
    (queue,) = held.aws.queues.values()
    assert queue.tags["heartbeat"] == "2026-11-22T15:01:40.000Z"
    assert await held.attend() == []


@pytest.mark.parametrize("error", [refusal("RequestThrottled"), silence(), ZeroDivisionError()])
async def test_a_heartbeat_that_fails_is_logged_and_tried_again_within_a_minute(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    held = Held()
    held.aws.script["tag_queue"] = [error, error]
    assert [await held.beats_in() for _ in range(4)] == [HEARTBEAT, AGAIN, AGAIN, HEARTBEAT]
    assert [(line.message, line.__dict__["what"]) for line in caplog.records] == [("upkeep failed", "heartbeat")] * 2


@pytest.mark.parametrize("operation", CHECK)
async def test_a_check_that_fails_is_logged_and_no_loss(operation: str, caplog: pytest.LogCaptureFixture) -> None:
    held = Held()
    held.aws.advance(SPACING / 1000)
    held.aws.script[operation] = [refusal("AccessDenied", "not on arn:…")]
    held.keepalive.check_soon()
    assert await held.attend() == CHECK
    (line,) = caplog.records
    assert (line.message, line.__dict__["what"], line.levelno) == ("upkeep failed", "check", logging.WARNING)
    assert line.__dict__["error"].endswith(": AccessDenied")
    assert line.__dict__["said"] == "not on arn:…"


async def test_checks_are_ten_seconds_apart() -> None:
    held = Held()
    held.keepalive.check_soon()
    assert await held.attend() == []  # a new queue is given time to be known everywhere
    held.aws.advance(SPACING / 1000)
    assert await held.attend() == CHECK, "what was asked for too soon is done then"
    held.keepalive.check_soon()
    held.aws.advance(SPACING / 1000 - 0.001)
    assert await held.attend() == []
    held.aws.advance(0.001)
    assert await held.attend() == CHECK


async def test_the_time_between_checks_counts_from_the_answer() -> None:
    held = Held()
    held.aws.advance(SPACING / 1000)
    held.aws.before["get_queue_attributes"] = lambda: held.aws.advance(15)
    held.keepalive.check_soon()
    assert await held.attend() == CHECK
    held.keepalive.check_soon()
    assert await held.attend() == []


async def test_a_clock_that_is_set_back_holds_up_nothing() -> None:
    held = Held()
    held.aws.advance(-3600)
    assert await held.attend() == ["tag_queue", *CHECK]
    assert await held.beats_in() == HEARTBEAT


async def test_a_lease_that_is_lost_ends_it() -> None:
    held = Held()
    held.aws.drop_subscriptions()
    held.aws.advance(SPACING / 1000)
    held.keepalive.check_soon()
    with pytest.raises(LeaseLost):
        await held.attend()
    held.aws.advance(HEARTBEAT)
    with pytest.raises(LeaseLost):
        await held.attend()
    held.aws.drop_queues()
    held.aws.advance(HEARTBEAT)
    with pytest.raises(LeaseLost, match="TagQueue"):
        await held.attend()
