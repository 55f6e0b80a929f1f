"""How a command ends: its exit codes, and what went wrong in one sentence, never a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec

from streamer.errors import StreamerError
from streamer.tools.printable import printable

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
"""For what the person who called has to mend."""
INTERRUPTED: Final = 130

Parameters = ParamSpec("Parameters")

_REMEDIES: Final = {
    "NoCredentialsError": "no AWS credentials were found: set AWS_PROFILE, or AWS_ACCESS_KEY_ID and its like",
    "PartialCredentialsError": "the AWS credentials are incomplete: set AWS_PROFILE, or all of AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY",
    "NoRegionError": "no AWS region is set: set AWS_REGION, or one in the profile",
    "ProfileNotFound": "that AWS profile does not exist: correct AWS_PROFILE",
}


class ToolError(StreamerError):
    """Why a command cannot go on, in words for its user: what was wrong, with the value, and what to do."""

    def __init__(self, words: str, code: int = FAILED) -> None:
        super().__init__(words)
        self.code = code


class UsageError(ToolError):
    """The command was called wrongly."""

    def __init__(self, words: str) -> None:
        super().__init__(words, USAGE)


def given(option: str, value: str | None) -> None:
    """Raises UsageError for a value that is there and empty: most often a shell's variable that is not set."""
    if value is not None and not value.strip():
        raise UsageError(f"{option} is empty: name what is meant, or leave the option out")


def legible(option: str, value: str | None) -> None:
    """Raises UsageError for a value with bytes that are no UTF-8: it could not be sent."""
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise UsageError(f"{option} {value!r}: these bytes are no UTF-8") from None


def ending(command: str) -> Callable[[Callable[Parameters, int]], Callable[Parameters, int]]:
    """Makes a command print what went wrong and return the exit code."""

    def decorate(run: Callable[Parameters, int]) -> Callable[Parameters, int]:
        @wraps(run)
        def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> int:
            try:
                code = run(*args, **kwargs)
                sys.stdout.flush()
                return code
            except BrokenPipeError:
                # Whoever read our output has gone; what is still buffered must not fail again at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return DONE
            except Exception as error:
                words = in_words(error)
                if words is None:
                    raise
                sys.stderr.write(f"streamer {command}: {printable(words)}\n")
                return error.code if isinstance(error, ToolError) else FAILED

        return wrapped

    return decorate


def in_words(error: Exception) -> str | None:
    """What to tell of an exception; None of one that is a bug."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        said: Any = error.response.get("Error", {})
        return f"AWS refused {error.operation_name}: {said.get('Code')}: {said.get('Message')}"
    if isinstance(error, BotoCoreError):
        return _REMEDIES.get(type(error).__name__, str(error))
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return str(error) if isinstance(error, StreamerError) else None
