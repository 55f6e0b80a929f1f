"""Exit codes, and errors as one sentence instead of a traceback."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec

from streamer.errors import StreamerError
from streamer.tools.terminal.printable import printable

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
"""For what the caller has to correct."""
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
    """Why a command cannot continue: what was wrong, with the value, and what to do."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class UsageError(ToolError):
    """The command was called wrongly."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE)


def check_value(option: str, value: str | None) -> None:
    """Raises UsageError for a value that is empty (most often a shell variable that is not set), or not UTF-8."""
    if value is not None and not value.strip():
        raise UsageError(f"{option} is empty: give a value, or leave the option out")
    check_utf8(option, value)


def check_utf8(option: str, value: str | None) -> None:
    """Raises UsageError for a value that is not UTF-8: it could not be sent."""
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise UsageError(f"{option} {value!r}: these bytes are not UTF-8") from None


def reports_errors(command: str) -> Callable[[Callable[Parameters, int]], Callable[Parameters, int]]:
    """Makes a command print its errors as one sentence and return the exit code."""

    def decorate(run: Callable[Parameters, int]) -> Callable[Parameters, int]:
        @wraps(run)
        def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> int:
            try:
                code = run(*args, **kwargs)
                sys.stdout.flush()
                return code
            except BrokenPipeError:
                # The reader of our output has gone; what is still buffered must not fail again at exit.
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                return DONE
            except Exception as error:
                message = describe(error)
                if message is None:
                    raise
                sys.stderr.write(f"streamer {command}: {printable(message)}\n")
                return error.code if isinstance(error, ToolError) else FAILED

        return wrapped

    return decorate


def describe(error: Exception) -> str | None:
    """The sentence for an exception; None for a bug."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        response: Any = error.response.get("Error", {})
        return f"AWS refused {error.operation_name}: {response.get('Code')}: {response.get('Message')}"
    if isinstance(error, BotoCoreError):
        return _REMEDIES.get(type(error).__name__, str(error))
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return str(error) if isinstance(error, StreamerError) else None
