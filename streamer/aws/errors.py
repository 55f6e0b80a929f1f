"""Classifies botocore's errors, and describes errors for clients and for the log."""

from __future__ import annotations

import re
import traceback

from streamer.errors import StreamerError

_THROTTLED = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "Throttling",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
_MISSING_QUEUE = frozenset({"QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"})
_CODE = re.compile(r"[A-Za-z][A-Za-z0-9.]{0,79}")
_LONGEST = 500  # characters of a message


def call_errors() -> tuple[type[Exception], ...]:
    """Returns the exceptions of a call to AWS, for an `except` clause."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError


def is_missing_queue(error: BaseException | None) -> bool:
    """Returns whether the error says that the queue does not exist."""
    return _code(error) in _MISSING_QUEUE


def is_throttling(error: BaseException) -> bool:
    """Returns whether the call was throttled or failed with a 5xx status, so that it may succeed later."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return _code(error) in _THROTTLED or status >= 500


def is_invalid_request(error: BaseException | None) -> bool:
    """Returns whether AWS refused the request itself, for example because an index does not project an attribute."""
    return _code(error) == "ValidationException"


def is_connection_cut(error: BaseException) -> bool:
    """Returns whether the connection was closed without a response, as a kept one after the process was frozen."""
    from botocore.exceptions import ConnectionClosedError

    return isinstance(error, ConnectionClosedError)


def is_unknown_subscription(error: Exception) -> bool:
    """Returns whether the error says that the subscription or topic does not exist."""
    return _code(error) in {"NotFound", "NotFoundException"}


def describe_call(action: str, error: Exception) -> str:
    """Describes an error for clients, as `sqs:CreateQueue: AccessDenied`, without AWS's message, which may have
    ARNs."""
    return f"{action}: {_code(error) or type(error).__name__}"


def describe(error: Exception) -> str:
    """Describes an error for clients: the text of a StreamerError, else the exception's name without its message."""
    return str(error) if isinstance(error, StreamerError) else type(error).__name__


def log_fields(error: Exception) -> dict[str, object]:
    """Returns members of a log line: `error`, AWS's or botocore's message as `said`, and `where` a bug was raised."""
    cause = error.__cause__ if isinstance(error, StreamerError) else error
    expected = cause is None or isinstance(cause, call_errors())
    return {
        "error": describe(error),
        "said": message_of(cause),
        "where": None if expected or cause is None else _where(cause),
    }


def message_of(error: BaseException | None) -> str | None:
    """Returns AWS's or botocore's message, for the log only, because it may have queue names. None for other errors."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message"))[:_LONGEST]
    return str(error)[:_LONGEST] if isinstance(error, BotoCoreError) else None


def _code(error: BaseException | None) -> str | None:
    from botocore.exceptions import ClientError

    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _where(error: BaseException) -> str:
    """Returns the three innermost calls, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
