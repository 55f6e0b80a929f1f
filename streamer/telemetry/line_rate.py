"""Limits the rate of log lines of each kind with a token bucket, and counts the suppressed lines."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streamer.token_bucket import TokenBucket

MOST_KINDS: Final = 256
"""Maximum number of kinds that are limited. Log messages are constants, so there should be fewer."""


@dataclass(slots=True)
class _Bucket:
    tokens: TokenBucket
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
        now = self._clock()
        bucket = self._buckets.get(kind)
        if bucket is None:
            if len(self._buckets) >= MOST_KINDS:
                return 0
            bucket = self._buckets[kind] = _Bucket(TokenBucket(self._rate, self._burst, now))
        if bucket.tokens.wait(now):
            bucket.suppressed += 1
            return None
        bucket.tokens.take(now)
        suppressed, bucket.suppressed = bucket.suppressed, 0
        return suppressed

    def due(self, *, at_end: bool = False) -> list[tuple[LineKind, int]]:
        """Returns the kinds with suppressed lines that may be reported now (`at_end`: all), and resets their counts."""
        found = []
        now = self._clock()
        for kind, bucket in self._buckets.items():
            if not bucket.suppressed:
                continue
            allowed = not bucket.tokens.wait(now)
            if allowed:
                bucket.tokens.take(now)
            if allowed or at_end:
                found.append((kind, bucket.suppressed))
                bucket.suppressed = 0
        return found

    @property
    def has_suppressed(self) -> bool:
        """Whether suppressed lines are not reported yet."""
        return any(bucket.suppressed for bucket in self._buckets.values())
