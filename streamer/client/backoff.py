"""Computes the wait before the next connection."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

DEFAULT_RETRY: Final = 3.0
"""Reconnection time in seconds before the server sends `retry:`."""
LEAST_WAIT: Final = 0.25
"""Minimum wait in seconds, also after `retry: 0`."""
LONGEST_WAIT: Final = 86_400.0
"""Maximum wait in seconds, in case the server sends a larger value by mistake."""


class Backoff:
    """Exponential backoff with full jitter, in seconds.

    The wait is a random part of a limit, which starts at the server's reconnection time and doubles with each attempt,
    up to `longest`. The jitter spreads clients that lost their connection at the same time.
    """

    def __init__(self, longest: float, random: Callable[[], float]) -> None:
        self._longest = longest
        self._random = random
        self._retry = DEFAULT_RETRY
        self._failures = 0

    def set_retry(self, milliseconds: int) -> None:
        """Sets the reconnection time of the server's `retry:` field."""
        self._retry = seconds(milliseconds)

    def reset(self) -> None:
        """Sets the number of failed attempts to 0."""
        self._failures = 0

    def wait(self) -> float:
        """Returns the seconds to wait before the next attempt, and counts an attempt."""
        most = min(self._longest, self._retry * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return self._random() * most


def seconds(milliseconds: int) -> float:
    """Converts a wait that the server sent to seconds, limited to LEAST_WAIT and LONGEST_WAIT."""
    return min(max(milliseconds, round(LEAST_WAIT * 1000)), round(LONGEST_WAIT * 1000)) / 1000
