"""Limits the rate of log lines of each kind with a token bucket, and counts the suppressed lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

MOST_KINDS: Final = 256
"""Maximum number of kinds that are limited. Log messages are constants, so there should be fewer."""


@dataclass(slots=True)
class _Bucket:
    tokens: float
    refilled_at: float
    suppressed: int = 0


@dataclass(frozen=True, slots=True)
class LineKind:
    """Lines with the same message template; arguments may differ."""

    logger: str
    level: int
    message: str


class LineRate:
    """A token bucket for each kind. Not thread-safe."""

    def __init__(self, rate: float = 50.0, burst: int = 1_000, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`rate`: lines a second. `burst`: size of the bucket."""
        self._rate = rate
        self._burst = float(burst)
        self._clock = clock
        self._buckets: dict[LineKind, _Bucket] = {}

    def admit(self, kind: LineKind) -> int | None:
        """Returns the number of suppressed lines before this one; None if this line is suppressed too."""
        bucket = self._buckets.get(kind)
        if bucket is None:
            if len(self._buckets) >= MOST_KINDS:
                return 0
            bucket = self._buckets[kind] = _Bucket(self._burst, self._clock())
        self._refill(bucket)
        if bucket.tokens < 1:
            bucket.suppressed += 1
            return None
        bucket.tokens -= 1
        suppressed, bucket.suppressed = bucket.suppressed, 0
        return suppressed

    def due(self, *, at_end: bool = False) -> list[tuple[LineKind, int]]:
        """Returns the kinds with suppressed lines that may be reported now (`at_end`: all), and resets their counts."""
        found = []
        for kind, bucket in self._buckets.items():
            if not bucket.suppressed:
                continue
            self._refill(bucket)
            if bucket.tokens >= 1 or at_end:
                bucket.tokens = max(0.0, bucket.tokens - 1)
                found.append((kind, bucket.suppressed))
                bucket.suppressed = 0
        return found

    @property
    def has_suppressed(self) -> bool:
        """Whether suppressed lines are not reported yet."""
        return any(bucket.suppressed for bucket in self._buckets.values())

    def _refill(self, bucket: _Bucket) -> None:
        now = self._clock()
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.refilled_at) * self._rate)
        bucket.refilled_at = now
