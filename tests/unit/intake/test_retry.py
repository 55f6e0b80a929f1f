"""Pauses grow with full jitter, and the log names a lasting failure once a minute."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from streamer.aws.errors import describe
from streamer.errors import LeaseError, LeaseLost
from streamer.intake.retry import FIRST_PAUSE, LOGGED_AGAIN, Retry
from tests.unit.intake.fakes import NOW_MS, refusal

SECRET = "quarterly outlook"


class Scripted:
    """An attempt that fails as told, then succeeds; and all that a Retry is given, to look at afterwards."""

    def __init__(self, *outcomes: Exception) -> None:
        self.outcomes = list(outcomes)
        self.now_ms = NOW_MS
        self.ceilings: list[float] = []
        self.heard: list[str] = []
        self.pause = 0.0
        """Seconds that each pause lasts."""
        self.paused = asyncio.Event()

    def retry(self, longest_pause: float = 30.0, passes: tuple[type[Exception], ...] = ()) -> Retry:
        return Retry(
            "lease",
            longest_pause=longest_pause,
            jitter=self.jitter,
            now=lambda: self.now_ms,
            failed=lambda error: self.heard.append(describe(error)),
            passes=passes,
        )

    def jitter(self, low: float, high: float) -> float:
        assert low == 0
        self.ceilings.append(high)
        self.paused.set()
        return self.pause

    async def __call__(self) -> str:
        if self.outcomes:
            raise self.outcomes.pop(0)
        return "done"


async def test_pauses_double_from_half_a_second_to_the_longest() -> None:
    attempt = Scripted(*[LeaseError("no")] * 9)
    assert await attempt.retry(30.0)(attempt) == "done"
    assert attempt.ceilings == [FIRST_PAUSE, 1, 2, 4, 8, 16, 30, 30, 30]


async def test_pauses_begin_anew_after_a_success() -> None:
    attempt = Scripted(LeaseError("no"), LeaseError("no"))
    retry = attempt.retry()
    await retry(attempt)
    attempt.outcomes = [LeaseError("no")]
    await retry(attempt)
    assert attempt.ceilings == [0.5, 1, 0.5]


async def test_every_failure_is_heard_in_safe_words() -> None:
    attempt = Scripted(LeaseError("sqs:CreateQueue: AccessDenied"), ValueError(SECRET))
    await attempt.retry()(attempt)
    assert attempt.heard == ["sqs:CreateQueue: AccessDenied", "ValueError"]


async def test_what_passes_is_raised_at_once() -> None:
    attempt = Scripted(LeaseLost("gone"))
    with pytest.raises(LeaseLost):
        await attempt.retry(passes=(LeaseLost,))(attempt)
    assert attempt.heard == []


async def test_a_cancel_ends_a_pause_and_makes_no_further_attempt() -> None:
    attempt = Scripted(*[LeaseError("no")] * 2)
    attempt.pause = 3600.0
    trying = asyncio.create_task(attempt.retry()(attempt))
    await attempt.paused.wait()
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
    assert len(attempt.outcomes) == 1


def lines(caplog: pytest.LogCaptureFixture) -> list[tuple[str, object]]:
    return [(line.message, line.__dict__.get("error")) for line in caplog.records]


def failing(attempt: Scripted, *failures: tuple[str, int]) -> Callable[[], Awaitable[None]]:
    """An attempt that fails with these words, each after so many milliseconds more."""
    rest = list(failures)

    async def run() -> None:
        if rest:
            words, later = rest.pop(0)
            attempt.now_ms += later
            raise LeaseError(words)

    return run


async def test_a_failure_that_goes_on_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    attempt = Scripted()
    await attempt.retry()(failing(attempt, ("no", 0), *[("no", 1)] * 50, ("no", LOGGED_AGAIN - 50), ("no", 1)))
    assert lines(caplog) == [("failed, trying again", "no")] * 2 + [("works again", None)]
    assert [line.__dict__.get("attempts") for line in caplog.records] == [1, 52, None]


async def test_another_failure_is_logged_at_once(caplog: pytest.LogCaptureFixture) -> None:
    attempt = Scripted()
    await attempt.retry()(failing(attempt, ("no", 0), ("never", 1), ("never", 1)))
    assert lines(caplog) == [("failed, trying again", "no"), ("failed, trying again", "never")]


async def test_what_comes_and_goes_is_logged_once_a_minute_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    attempt = Scripted()
    retry = attempt.retry()
    for later in (0, 1, 1, LOGGED_AGAIN):
        await retry(failing(attempt, ("no", later)))
    assert lines(caplog) == [("failed, trying again", "no"), ("works again", None)] * 2


async def test_what_worked_at_once_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    attempt = Scripted()
    await attempt.retry()(attempt)
    assert lines(caplog) == []


async def test_the_log_says_what_aws_said(caplog: pytest.LogCaptureFixture) -> None:
    error = LeaseError("sqs:CreateQueue: AccessDenied")
    error.__cause__ = refusal("AccessDenied", "User: arn:… is not authorized")
    attempt = Scripted(error)
    await attempt.retry()(attempt)
    (line,) = caplog.records
    assert (line.__dict__["said"], line.__dict__["where"]) == ("User: arn:… is not authorized", None)


async def test_the_log_says_where_nobody_expected_a_failure_and_never_its_message(
    caplog: pytest.LogCaptureFixture,
) -> None:
    attempt = Scripted(ValueError(SECRET))
    await attempt.retry()(attempt)
    (line,) = caplog.records
    assert str(line.__dict__["where"]).startswith("__call__ (")
    assert SECRET not in str(line.__dict__)
