"""Exit codes, and error messages in place of tracebacks."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec

from streamer.errors import StreamerError
from streamer.table_name import table_name_flaw
from streamer.tools.terminal.printable import printable

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130

Parameters = ParamSpec("Parameters")

_REMEDIES: Final = {
    "NoCredentialsError": "no AWS credentials; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "PartialCredentialsError": "incomplete AWS credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "NoRegionError": "no AWS region; set AWS_REGION, or a region in the profile",
    "ProfileNotFound": "the AWS profile does not exist; correct AWS_PROFILE",
}


class ToolError(StreamerError):
    """A command cannot continue. The message is "NAME=VALUE: problem; remedy", as far as there is a name."""

    def __init__(self, message: str, code: int = FAILED) -> None:
        super().__init__(message)
        self.code = code


class UsageError(ToolError):
    """An option or argument is invalid."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE)


def check_value(option: str, value: str | None) -> None:
    """Raises UsageError for a value that is empty (as of an unset shell variable) or not UTF-8."""
    if value is not None and not value.strip():
        raise UsageError(f"{option}={value!r}: empty; give a value, or omit the option")
    check_utf8(option, value)


def check_table(option: str, value: str | None) -> None:
    """Raises UsageError for a value that no table can have as its name."""
    flaw = None if value is None else table_name_flaw(value)
    if flaw:
        raise UsageError(f"{option}={value!r}: {flaw}; give the name of a table")


def check_utf8(option: str, value: str | None) -> None:
    """Raises UsageError for a value that is not UTF-8."""
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise UsageError(f"{option}={value!r}: not UTF-8; correct it") from None


def reports_errors(command: str) -> Callable[[Callable[Parameters, int]], Callable[Parameters, int]]:
    """Decorates a command: prints an expected error as one line to standard error, and returns the exit code."""

    def decorate(run: Callable[Parameters, int]) -> Callable[Parameters, int]:
        @wraps(run)
        def wrapped(*args: Parameters.args, **kwargs: Parameters.kwargs) -> int:
            try:
                code = run(*args, **kwargs)
                sys.stdout.flush()
                return code
            except BrokenPipeError:
                # The reader closed the pipe. The interpreter must not fail again when it flushes at exit.
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
    """Returns the message for an expected exception; None for any other, which is a bug."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        response: Any = error.response.get("Error", {})
        return f"AWS refused {error.operation_name}: {response.get('Code')}: {response.get('Message')}"
    if isinstance(error, BotoCoreError):
        return _REMEDIES.get(type(error).__name__, str(error))
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return str(error) if isinstance(error, StreamerError) else None
