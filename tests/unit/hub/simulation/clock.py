"""Virtual true time: what is to happen, in order, and noise that depends on names alone."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable

from tests.factories import NOW_MS

START_MS = NOW_MS


class Handle:
    """Conforms to what asyncio's timers are used for."""

    def __init__(self) -> None:
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Unix milliseconds by no clock that anybody has."""

    def __init__(self, seed: int) -> None:
        self.now = START_MS
        self._seed = seed
        self._heap: list[tuple[int, int, Callable[[], None], Handle]] = []
        self._count = 0

    def at(self, time_ms: int, do: Callable[[], None]) -> Handle:
        self._count += 1
        handle = Handle()
        heapq.heappush(self._heap, (max(time_ms, self.now), self._count, do, handle))
        return handle

    def after(self, wait_ms: float, do: Callable[[], None]) -> Handle:
        return self.at(self.now + round(wait_ms), do)

    def run(self, until_ms: int) -> None:
        """Lets happen what is due until then. May be called by what happens: time then passes within it."""
        while self._heap and self._heap[0][0] <= until_ms:
            time_ms, _, do, handle = heapq.heappop(self._heap)
            self.now = max(self.now, time_ms)
            if not handle.cancelled:
                do()
        self.now = max(self.now, until_ms)

    def noise(self, *about: object) -> float:
        """From 0 to 1, the same for the same names."""
        digest = hashlib.blake2b(repr((self._seed, about)).encode(), digest_size=6).digest()
        return int.from_bytes(digest, "big") / 2**48
