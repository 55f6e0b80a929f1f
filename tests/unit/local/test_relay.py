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
        error = None

        def step(self) -> float:
            steps.append("mapping")
            if len(steps) == 3:
                stop.set()
            return 0.0

    schedule = CanarySchedule(lambda event, context: steps.append("canary"))
    drive(cast("Any", Mapping()), schedule, stop, lambda: steps.append("repair"))
    assert steps == ["canary", "mapping", "mapping"]


def test_a_stream_that_cannot_be_read_is_repaired_before_the_next_step() -> None:
    stop = threading.Event()
    steps: list[str] = []

    class Mapping:
        error: Exception | None = None

        def step(self) -> float:
            steps.append("step")
            if steps == ["step"]:
                self.error = OSError("it was restarted")
            else:
                stop.set()
            return 0.0

        def repair(self) -> None:
            steps.append("repair")
            self.error = None

    mapping = Mapping()
    drive(cast("Any", mapping), CanarySchedule(lambda event, context: None), stop, mapping.repair)
    assert steps == ["step", "repair", "step"]
