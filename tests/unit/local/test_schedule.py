"""The schedule that invokes the relay for a canary."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.local.schedule import CanarySchedule
from tests.unit.event_source.fakes import Clock, Handler


def run_for(schedule: CanarySchedule, clock: Clock, seconds: float) -> None:
    ends = clock.now + seconds
    while clock.now <= ends:
        clock.pass_(max(schedule.step(), 0.001))


def test_it_fires_at_the_start_and_then_every_minute() -> None:
    clock, handler = Clock(), Handler()
    run_for(CanarySchedule(handler, clock=clock, wall=clock), clock, 130.0)
    assert [event["time"] for event in handler.canaries] == [
        "2026-11-18T11:06:40Z",
        "2026-11-18T11:07:40Z",
        "2026-11-18T11:08:40Z",
    ]
    assert handler.canaries[0]["source"] == "aws.events"
    assert handler.canaries[0]["detail-type"] == "Scheduled Event"


def test_a_failing_canary_is_logged_and_the_next_one_comes(caplog: pytest.LogCaptureFixture) -> None:
    clock, calls = Clock(), list[dict[str, Any]]()

    def handler(event: dict[str, Any], context: Any) -> object:
        calls.append(event)
        raise RuntimeError("no topic")

    run_for(CanarySchedule(handler, clock=clock, wall=clock), clock, 70.0)
    assert len(calls) == 2
    assert "the relay failed on the schedule's event" in caplog.messages
