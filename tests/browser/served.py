"""The real application on a real socket for playwright, which holds the event loop of the test's thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

from starlette.types import ASGIApp

from tests.integration.rig import Rig, Users, running
from tests.integration.service import SERVE, ServiceProcess, serving
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
def served(
    users: Users | None = None,
    wrap: Callable[[ASGIApp], ASGIApp] | None = None,
    cors_origins: tuple[str, ...] = (),
) -> Iterator[Served]:
    """The application in a thread with a loop of its own, until the block ends. See rig.running."""
    found: list[Served] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        try:
            async with running(users=users, wrap=wrap, cors_origins=cors_origins) as rig:
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


@contextmanager
def process(
    environment: Mapping[str, str],
    *,
    until: Literal["serving", "ready", "push"] = "ready",
    command: Sequence[str] = SERVE,
) -> Iterator[ServiceProcess]:
    """The service as a process, read by a loop in a thread. See service.serving."""
    started, stop = threading.Event(), asyncio.Event()
    found: list[ServiceProcess] = []
    loop = asyncio.new_event_loop()

    async def run() -> None:
        try:
            async with serving(environment, until=until, command=command) as running:
                found.append(running)
                started.set()
                await stop.wait()
        finally:
            started.set()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="service")
    thread.start()
    started.wait()
    try:
        yield found[0]
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()
