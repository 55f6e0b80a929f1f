"""Turns of the event loop for the openings of streams, so that live streams do not wait while thousands come back."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

SLICE: Final = 0.001
"""Seconds that openings may take in one iteration of the event loop."""

Step = Callable[[], None]


class Turns:
    """Runs steps in order of arrival, in one slice per iteration of the event loop: at least one step, and no further
    one that would exceed the slice if it took as long as the step before. Between two slices the event loop reads,
    flushes and sends pings.

    The exception of a step that waited goes to the event loop's exception handler. Not thread-safe: used in the event
    loop only."""

    def __init__(self, seconds: float = SLICE, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._waiting: OrderedDict[Step, None] = OrderedDict()
        self._spent = 0.0
        """Seconds that steps have taken in this slice."""
        self._last = 0.0
        """Seconds that the last step took."""
        self._next_slice: asyncio.Handle | None = None

    def __len__(self) -> int:
        """Number of steps that wait."""
        return len(self._waiting)

    def take(self, step: Step) -> None:
        """Runs the step at once if no step waits and this slice has room for it, and otherwise in a later slice. Does
        nothing if the step waits already."""
        if self._waiting or not self._has_room():
            self._waiting[step] = None
        else:
            self._run(step)

    def leave(self, step: Step) -> None:
        """Removes a step that waits. Does nothing if it does not wait."""
        self._waiting.pop(step, None)

    def _has_room(self) -> bool:
        return not self._spent or self._spent + self._last <= self._seconds

    def _run(self, step: Step) -> None:
        began = self._clock()
        try:
            step()
        finally:
            self._last = self._clock() - began
            self._spent += self._last
            if (self._spent or self._waiting) and self._next_slice is None:
                self._next_slice = asyncio.get_running_loop().call_soon(self._begin_slice)

    def _begin_slice(self) -> None:
        self._next_slice, self._spent = None, 0.0
        while self._waiting and self._has_room():
            step, _ = self._waiting.popitem(last=False)
            self._run(step)
