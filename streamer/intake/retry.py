"""Trying again and again, with growing pauses that a stop cuts short and a log that does not grow with the tries."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Event
from typing import Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, sleep_using_event, wait_exponential

from streamer.intake import trouble

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

FIRST_PAUSE: Final = 0.5
"""Seconds that the first pause lasts at most; each one after it at most twice as long."""
SAID_AGAIN: Final = 60_000
"""Milliseconds after which a failure that goes on is logged again."""


class Stopped(Exception):
    """The thread is to end: raised in place of a further try."""


class Retry:
    """Repeats one kind of attempt until it succeeds: exponential backoff with full jitter. For one thread."""

    def __init__(
        self,
        what: str,
        *,
        longest_pause: float,
        stopping: Event,
        jitter: Callable[[float, float], float],
        now: Callable[[], int],
        failed: Callable[[str, Exception], None],
        passes: tuple[type[Exception], ...] = (),
    ) -> None:
        """`what` names the attempt in the log, `longest_pause` is in seconds, `jitter` picks from a range, `now` is in
        Unix milliseconds. `failed` hears of each failure that will be tried again, in words safe to show. Exceptions
        named in `passes` are not tried again but raised.
        """
        self._what = what
        self._longest_pause = longest_pause
        self._jitter = jitter
        self._stopping = stopping
        self._now = now
        self._failed = failed
        self._passes: tuple[type[Exception], ...] = (Stopped, *passes)
        ceiling = wait_exponential(multiplier=FIRST_PAUSE, max=longest_pause)
        self._retrying = Retrying(
            retry=retry_if_exception(self._is_worth_it),
            wait=lambda state: jitter(0.0, ceiling(state)),
            before_sleep=self._after_failure,
            sleep=sleep_using_event(stopping),
        )
        self._logged: tuple[str, int] | None = None  # kept over successes: what comes and goes is not news each time
        self._spoken = False
        self._failures = 0  # of `once`, in a row

    def __call__(self, attempt: Callable[[], Result]) -> Result:
        """Returns what `attempt` returns in the end. Raises Stopped once the stop is there, and what `passes` names."""

        def unless_stopping() -> Result:
            if self._stopping.is_set():
                raise Stopped
            return attempt()

        result = self._retrying(unless_stopping)
        self.worked()
        return result

    def once(self, attempt: Callable[[], object]) -> float | None:
        """One attempt, for who has other work between two: None if it succeeded, else the pause in seconds before the
        next one. Raises as a call does."""
        if self._stopping.is_set():
            raise Stopped
        try:
            attempt()
        except self._passes:
            raise
        except Exception as error:
            self._failures += 1
            ceiling = min(self._longest_pause, FIRST_PAUSE * 2.0 ** min(self._failures - 1, 30))
            pause = self._jitter(0.0, ceiling)
            self._report(error, self._failures, pause)
            return pause
        self._failures = 0
        self.worked()
        return None

    def worked(self) -> None:
        """Ends a spell of failures. Called by itself, and by an attempt that goes on for long once it has succeeded."""
        if self._spoken:
            self._spoken = False
            logger.info("works again", extra={"what": self._what})

    def _is_worth_it(self, error: BaseException) -> bool:
        return isinstance(error, Exception) and not isinstance(error, self._passes)

    def _after_failure(self, state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        if isinstance(error, Exception):
            self._report(error, state.attempt_number, state.upcoming_sleep)

    def _report(self, error: Exception, attempts: int, pause: float) -> None:
        words = trouble.in_words(error)
        self._failed(words, error)
        now = self._now()
        if self._logged is not None and self._logged[0] == words and now - self._logged[1] < SAID_AGAIN:
            return
        self._logged = words, now
        self._spoken = True
        logger.warning(
            "failed, trying again",
            extra={
                "what": self._what,
                "attempts": attempts,
                "pause_seconds": round(pause, 3),
                **trouble.for_log(error),
            },
        )
