"""A coroutine in an event loop of its own thread, for tests that wait for what it does as another program would."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from tests.watchdog import WATCHDOG


class LoopThread:
    """Runs what `begin` makes until it ends, or is cancelled."""

    def __init__(self, begin: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._begin = begin
        self._began = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="loop")

    def start(self) -> None:
        self._thread.start()
        assert self._began.wait(WATCHDOG)

    def cancel(self) -> None:
        """Has it cancelled."""
        self._loop.call_soon_threadsafe(self._task.cancel)

    def join(self) -> None:
        """Returns when it has ended."""
        self._thread.join(WATCHDOG)
        assert not self._thread.is_alive()

    def stop(self) -> None:
        """Cancels it, if it has not ended, and returns when it has."""
        if self._thread.is_alive():
            self.cancel()
        self.join()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._begin())
        self._began.set()
        await asyncio.wait({self._task})
        if not self._task.cancelled():
            self._task.result()
