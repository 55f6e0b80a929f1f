"""The loop that drives the relay."""

from __future__ import annotations

import threading
from typing import Any, cast

from streamer.local.relay import drive
from streamer.local.schedule import CanarySchedule


def test_it_returns_after_the_step_that_sets_stop() -> None:
    stop = threading.Event()
    steps: list[str] = []

    class Mapping:
        def step(self) -> float:
            steps.append("mapping")
            if len(steps) == 3:
                stop.set()
            return 0.0

    schedule = CanarySchedule(lambda event, context: steps.append("canary"))
    drive(cast("Any", Mapping()), schedule, stop)
    assert steps == ["canary", "mapping", "mapping"]
