"""The wait before the next connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

DEFAULT_RETRY: Final = 3.0
"""Seconds, until the server sends `retry:`."""
LEAST_WAIT: Final = 0.25
"""Seconds, also after `retry: 0`."""
LONGEST_WAIT: Final = 86_400.0
"""Seconds; more is a server's mistake."""


class Backoff:
    """Full jitter: a random part of a time that doubles with each try, from the server's retry time up to `longest`.

    So clients that were disconnected together do not reconnect together. All times in seconds.
    """

    def __init__(self, longest: float, random: Callable[[], float]) -> None:
        self._longest = longest
        self._random = random
        self._retry = DEFAULT_RETRY
        self._failures = 0

    def set_retry(self, milliseconds: int) -> None:
        """Takes the server's `retry:`."""
        self._retry = seconds(milliseconds)

    def reset(self) -> None:
        """Starts again with a first wait."""
        self._failures = 0

    def wait(self) -> float:
        """Seconds to wait now; longer each time until `reset`."""
        most = min(self._longest, self._retry * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return self._random() * most


def seconds(milliseconds: int) -> float:
    """A server's wait in seconds, within bounds: any integer becomes a pause."""
    return min(max(milliseconds, round(LEAST_WAIT * 1000)), round(LONGEST_WAIT * 1000)) / 1000
