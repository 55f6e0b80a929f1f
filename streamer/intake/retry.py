"""Retries with exponential backoff, and with at most one log line a minute for the same error."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_exponential

from streamer.aws.errors import describe, log_fields
from streamer.clock import wall_ms

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

FIRST_PAUSE: Final = 0.5
"""Maximum number of seconds of the first pause. The maximum doubles with each attempt."""
LOGGED_AGAIN: Final = 60_000
"""Number of milliseconds after which a lasting failure is logged again."""


class Jitter(Protocol):
    """Returns a random number of a range, as `random.uniform` does."""

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
        """`what` names the attempt in the log; `longest_pause` is in seconds; `now` returns Unix milliseconds. `failed`
        is called before each pause. Exceptions of the types in `passes` are raised, not retried.
        """
        self._what = what
        self._ceiling = wait_exponential(multiplier=FIRST_PAUSE, max=longest_pause)
        self._failed = failed
        self._passes = passes
        self._jitter = jitter
        self._now = now
        # Kept after a success, so that an error that comes and goes is logged once a minute.
        self._logged: tuple[str, int] | None = None
        self._spoken = False

    async def __call__(self, attempt: Callable[[], Awaitable[Result]]) -> Result:
        """Returns the result of the first attempt that succeeds. Raises exceptions of the types in `passes`."""

        async def awaited() -> Result:  # tenacity does not await what a lambda returns
            return await attempt()

        retrying = AsyncRetrying(
            sleep=asyncio.sleep,
            wait=self._pause,
            retry=retry_if_exception(
                lambda error: isinstance(error, Exception) and not isinstance(error, self._passes)
            ),
            before_sleep=self._report,
        )
        result: Result = await retrying(awaited)
        self.worked()
        return result

    def worked(self) -> None:
        """Logs the end of a failure. A long attempt may call it as soon as it has succeeded."""
        if self._spoken:
            self._spoken = False
            logger.info("works again", extra={"what": self._what})

    def _pause(self, state: RetryCallState) -> float:
        return self._jitter(0.0, self._ceiling(state))

    def _report(self, state: RetryCallState) -> None:
        """Before each pause: calls `failed`, and logs the failure unless it logged the same one a moment ago."""
        error = None if state.outcome is None else state.outcome.exception()
        assert isinstance(error, Exception)  # noqa: S101 - nothing else is tried again
        if self._failed is not None:
            self._failed(error)
        words, now = describe(error), self._now()
        if self._logged is not None and self._logged[0] == words and now - self._logged[1] < LOGGED_AGAIN:
            return
        self._logged = words, now
        self._spoken = True
        logger.warning(
            "failed, trying again",
            extra={
                "what": self._what,
                "attempts": state.attempt_number,
                "pause_seconds": round(state.upcoming_sleep, 3),
                **log_fields(error),
            },
        )
