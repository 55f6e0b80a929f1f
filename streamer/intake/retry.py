"""Attempts that are repeated, with growing pauses and a log that does not grow with the attempts."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from streamer.aws.errors import describe, log_fields
from streamer.clock import wall_ms

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

FIRST_PAUSE: Final = 0.5
"""Seconds that the first pause lasts at most; each one after it at most twice as long."""
LOGGED_AGAIN: Final = 60_000
"""Milliseconds after which a failure that goes on is logged again."""


class Jitter(Protocol):
    """Picks a number from a range: `random.uniform`."""

    def __call__(self, low: float, high: float, /) -> float:
        """From `low` to `high`."""


class Retry:
    """Repeats one kind of attempt until it succeeds: exponential backoff with full jitter."""

    def __init__(
        self,
        what: str,
        *,
        longest_pause: float,
        failed: Callable[[Exception], None] | None = None,
        passes: tuple[type[Exception], ...] = (),
        jitter: Jitter = random.uniform,
        now: Callable[[], int] = wall_ms,
    ) -> None:
        """`what` names the attempt in the log, `longest_pause` is in seconds, `now` in Unix milliseconds. `failed` is
        told of each failure that will be tried again. Exceptions named in `passes` are not tried again but raised.
        """
        self._what = what
        self._longest_pause = longest_pause
        self._failed = failed
        self._passes = passes
        self._jitter = jitter
        self._now = now
        self._logged: tuple[str, int] | None = None  # kept over successes: what comes and goes is not news each time
        self._spoken = False

    async def __call__(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """What `attempt` returns in the end. Raises what `passes` names."""
        failures = 0
        while True:
            try:
                result = await attempt()
            except self._passes:
                raise
            except Exception as error:
                failures += 1
                ceiling = min(self._longest_pause, FIRST_PAUSE * 2.0 ** min(failures - 1, 30))
                pause = self._jitter(0.0, ceiling)
                if self._failed is not None:
                    self._failed(error)
                self._log(error, failures, pause)
            else:
                self.worked()
                return result
            await asyncio.sleep(pause)

    def worked(self) -> None:
        """Ends a spell of failures. Called by itself, and by an attempt that goes on for long once it has succeeded."""
        if self._spoken:
            self._spoken = False
            logger.info("works again", extra={"what": self._what})

    def _log(self, error: Exception, attempts: int, pause: float) -> None:
        words, now = describe(error), self._now()
        if self._logged is not None and self._logged[0] == words and now - self._logged[1] < LOGGED_AGAIN:
            return
        self._logged = words, now
        self._spoken = True
        logger.warning(
            "failed, trying again",
            extra={
                "what": self._what,
                "attempts": attempts,
                "pause_seconds": round(pause, 3),
                **log_fields(error),
            },
        )
