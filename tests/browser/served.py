"""The real application on a real socket for playwright, which holds the event loop of the test's thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.integration.rig import Rig, running
from tests.watchdog import WATCHDOG


@dataclass(frozen=True)
class Served:
    """A running application; `base` is its URL."""

    base: str
    _rig: Rig
    _loop: asyncio.AbstractEventLoop

    def publish(self, *labels: str, ticker: str = "AAPL", first: int = 1) -> None:
        """See Rig.publish."""
        self._loop.call_soon_threadsafe(lambda: self._rig.publish(*labels, ticker=ticker, first=first))


@contextmanager
def served() -> Iterator[Served]:
    """The application in a thread with a loop of its own, until the block ends."""
    found: list[Served] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        try:
            async with running() as rig:
                found.append(Served(rig.base, rig, asyncio.get_running_loop()))
                ready.set()
                await asyncio.to_thread(over.wait)
        finally:
            ready.set()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="served")
    thread.start()
    try:
        assert ready.wait(WATCHDOG)
        yield found[0]
    finally:
        over.set()
        thread.join()
