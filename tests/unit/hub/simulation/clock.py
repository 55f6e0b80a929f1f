"""True time, which passes as the loop's does, and noise that depends on names alone."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from tests.factories import NOW_MS
from tests.virtual_loop import VirtualLoop

START_MS = NOW_MS


class Clock:
    """Unix milliseconds by no clock that anybody has."""

    def __init__(self, seed: int, loop: VirtualLoop) -> None:
        self._seed = seed
        self._loop = loop
        self._count = 0

    @property
    def now(self) -> int:
        return START_MS + round(self._loop.time() * 1000)

    def at(self, time_ms: int, do: Callable[[], None]) -> asyncio.TimerHandle:
        self._count += 1
        order = self._count * 1e-9  # of what is to happen at the same time
        return self._loop.call_at((max(time_ms, self.now) - START_MS) / 1000 + order, do)

    def after(self, wait_ms: float, do: Callable[[], None]) -> asyncio.TimerHandle:
        return self.at(self.now + round(wait_ms), do)

    async def until(self, time_ms: int) -> None:
        """Returns then."""
        await asyncio.sleep(max(0, time_ms - self.now) / 1000)

    def noise(self, *about: object) -> float:
        """From 0 to 1, the same for the same names."""
        digest = hashlib.blake2b(repr((self._seed, about)).encode(), digest_size=6).digest()
        return int.from_bytes(digest, "big") / 2**48
