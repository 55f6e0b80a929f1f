"""Limits the rate at which one address opens streams: one token bucket per address, in bounded memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from streamer.token_bucket import TokenBucket

MAX_ADDRESSES: Final = 10_000
"""Number of remembered addresses, about 200 bytes each. The least recently used address is forgotten first."""


class Openings:
    """Allows each address `rate` openings per second on average, and `burst` openings at once."""

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        max_addresses: int = MAX_ADDRESSES,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.rate = rate
        self._burst = float(max(burst, 1))
        self._max_addresses = max_addresses
        self._clock = clock
        self._buckets: dict[str, TokenBucket] = {}  # the one that was counted last is the last

    def wait(self, address: str) -> float:
        """Returns the seconds until this address may open a stream; 0 if it may open one now."""
        bucket = self._buckets.get(address)
        return 0.0 if bucket is None else bucket.wait(self._clock())

    def count(self, address: str) -> None:
        """Counts one opening."""
        now = self._clock()
        bucket = self._buckets.pop(address, None) or TokenBucket(self.rate, self._burst, now)
        bucket.take(now)
        if len(self._buckets) >= self._max_addresses:
            del self._buckets[next(iter(self._buckets))]
        self._buckets[address] = bucket

    def __len__(self) -> int:
        return len(self._buckets)
