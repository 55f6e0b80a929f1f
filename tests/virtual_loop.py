"""An event loop whose time is the test's: it passes when nothing else is to be done, and without anybody waiting."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
Result = TypeVar("Result")


class _NoFiles(selectors.SelectSelector):
    """In place of waiting for a file or for time, moves the loop's time on."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        assert timeout is not None, "everything waits, and nothing is to come"
        self.now += max(0.0, timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """Begins at 0 seconds. `run_until` lets time pass; coroutines need not know."""

    def __init__(self) -> None:
        self._virtual = _NoFiles()
        super().__init__(self._virtual)

    def time(self) -> float:
        return self._virtual.now

    def run_until(self, seconds: float) -> None:
        """Lets everything happen that is due until then, its consequences included."""
        reached = self.create_future()
        self.call_at(seconds, lambda: self.call_soon(reached.set_result, None))
        self.run_until_complete(reached)

    def settle(self) -> None:
        """Runs what is ready, until all wait for time."""
        self.run_until(self.time())
        while self._ready:  # type: ignore[attr-defined] # asyncio's own
            self.run_until(self.time())

    def jump(self, seconds: float) -> None:
        """So much time passes at once: what came due meanwhile is late, and happens now."""
        self._virtual.now += seconds
        self.settle()

    def until_next(self) -> float:
        """Seconds to the next timer; infinity: there is none."""
        timers = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
        return min(timers, default=float("inf")) - self.time()

    def end(self) -> None:
        """Cancels what still runs, and closes."""
        left = asyncio.all_tasks(self)
        for task in left:
            task.cancel()
        if left:
            self.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        self.close()


class InlineWorker:
    """In place of a Worker: makes the call at once, in the loop."""

    async def __call__(self, call: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        return call(*args, **kwargs)

    def abandon(self) -> None:
        """Nothing is under way."""

    def close(self) -> None:
        """Nothing to close."""
