"""How long to wait before the next try."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

DEFAULT_RETRY: Final = 3.0
"""Seconds, until the server names its own."""
LEAST_WAIT: Final = 0.25
"""Seconds. A server that says `retry: 0` does not mean to be asked without a pause."""
LONGEST_WAIT: Final = 86_400.0
"""Seconds; a server that names more has made a mistake."""


class Backoff:
    """Full jitter: a random part of a time that doubles with each try, from the server's retry time up to `longest`.

    Spread over the whole interval, clients that were cut off together do not come back together. Seconds.
    """

    def __init__(self, longest: float, random: Callable[[], float]) -> None:
        self._longest = longest
        self._random = random
        self._retry = DEFAULT_RETRY
        self._failures = 0

    def set_retry(self, milliseconds: int) -> None:
        """The server's word, from `retry:`."""
        self._retry = seconds(milliseconds)

    def worked(self) -> None:
        """The next wait is a first one."""
        self._failures = 0

    def wait(self) -> float:
        """How long now; longer each time until `worked`."""
        most = min(self._longest, self._retry * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return self._random() * most


def seconds(milliseconds: int) -> float:
    """A server's wait within reason: any integer, however large, zero or negative, becomes a pause."""
    return min(max(milliseconds, round(LEAST_WAIT * 1000)), round(LONGEST_WAIT * 1000)) / 1000
