"""A token bucket: limits an average rate, and lets bursts pass at once. Pure; the caller passes the time."""

from __future__ import annotations


class TokenBucket:
    """Gains `rate` tokens per second, and holds at most `burst`. It is full at first."""

    __slots__ = ("_at", "_burst", "_rate", "_tokens")

    def __init__(self, rate: float, burst: float, now: float = 0.0) -> None:
        """`now`: seconds of any clock that never goes back; the same clock is used for every call."""
        self._rate = rate
        self._burst = self._tokens = burst
        self._at = now

    def wait(self, now: float) -> float:
        """Returns the seconds until there is a token; 0 if there is one."""
        self._refill(now)
        return max(0.0, (1.0 - self._tokens) / self._rate)

    def take(self, now: float) -> None:
        """Takes a token. Without one, the number of tokens becomes negative."""
        self._refill(now)
        self._tokens -= 1.0

    def _refill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
