"""A failure in words: for everybody, and for the log."""

from __future__ import annotations

import traceback

from streamer import aws
from streamer.errors import StreamerError


def in_words(error: Exception) -> str:
    """Words that are safe to show: our own, or the exception's name, never its message: it may hold what was read."""
    return str(error) if isinstance(error, StreamerError) else type(error).__name__


def for_log(error: Exception) -> dict[str, object]:
    """A log line's members: `error` in words, what AWS or botocore `said`, `where` it was if nobody expected it."""
    cause = error.__cause__ if isinstance(error, StreamerError) else error
    expected = cause is None or isinstance(cause, aws.errors())
    return {
        "error": in_words(error),
        "said": aws.said(cause),
        "where": None if expected or cause is None else _where(cause),
    }


def _where(error: BaseException) -> str:
    """The three innermost calls, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
