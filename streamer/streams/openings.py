"""How often one address may open a stream: a token bucket for each, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

MOST_ADDRESSES: Final = 10_000
"""Addresses remembered, about 200 bytes each. The one that opened longest ago is forgotten first."""


class Openings:
    """`rate` openings a second for each address in the long run, `burst` of them at once."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        most: int = MOST_ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = rate
        self._burst = float(max(burst, 1))
        self._most = most
        self._clock = clock
        self._buckets: dict[str, tuple[float, float]] = {}  # tokens left, and when; the newest last

    def wait(self, address: str) -> float:
        """Seconds until this address may open a stream; 0: now."""
        return max(0.0, (1.0 - self._tokens(address)) / self.rate)

    def count(self, address: str) -> None:
        """Counts one opening."""
        tokens = self._tokens(address) - 1.0
        self._buckets.pop(address, None)
        if len(self._buckets) >= self._most:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[address] = (tokens, self._clock())

    def _tokens(self, address: str) -> float:
        tokens, at = self._buckets.get(address, (self._burst, 0.0))
        return min(self._burst, tokens + (self._clock() - at) * self.rate)

    def __len__(self) -> int:
        return len(self._buckets)
