"""Waits until planned records are due, and groups them in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from streamer.tools.replay.faults import PlannedRecord
from streamer.tools.terminal.errors import UsageError

BATCH: Final = 100
"""The event source mapping's batch size."""


def read_factor(text: str) -> float | None:
    """Parses `10x`, `0.5x` or `max` (None). Raises UsageError."""
    if text == "max":
        return None
    try:
        factor = float(text.removesuffix("x"))
    except ValueError:
        factor = 0.0
    if not 0.001 <= factor <= 1_000_000:
        raise UsageError(f"--speed={text!r}: not a speed; give a factor such as 1x, 10x or 0.5x, or max")
    return factor


class Playback:
    """Maps the recording's time to the clock. `factor`: speed (None: as fast as possible). `delay`: seconds."""

    def __init__(
        self,
        factor: float | None,
        *,
        delay: float = 0.0,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._factor = factor
        self._delay = delay
        self._sleep = sleep
        self._clock = clock
        self._begun: tuple[float, float] | None = None  # time of the clock, time of the recording in ms

    def ahead(self, due_ms: float) -> float:
        """Returns the seconds until `due_ms`. The first call starts the replay."""
        if self._begun is None:
            self._begun = self._clock(), due_ms
        began, first_ms = self._begun
        offset = 0.0 if self._factor is None else (due_ms - first_ms) / 1000 / self._factor
        return began + self._delay + offset - self._clock()

    def batches(self, plan: Iterable[PlannedRecord], most: int = BATCH) -> Iterator[list[PlannedRecord]]:
        """Waits until each record is due. Records that are due at the same time form a batch of at most `most`."""
        batch: list[PlannedRecord] = []
        for one in plan:
            ahead = self.ahead(one.due_ms)
            if batch and (len(batch) == most or ahead > 0):
                yield batch
                batch = []
                ahead = self.ahead(one.due_ms)
            if ahead > 0:
                self._sleep(ahead)
            batch.append(one)
        if batch:
            yield batch
