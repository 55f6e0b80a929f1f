"""What botocore's errors mean, and failures in words: for everybody, and for the log."""

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
    """What a call to AWS raises, for an `except` clause: no answer, a refusal, an answer that cannot be parsed."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    return BotoCoreError, ClientError, ResponseParserError


def is_missing_queue(error: BaseException | None) -> bool:
    """Whether the queue that was asked does not exist."""
    return _code(error) in _MISSING_QUEUE


def is_throttling(error: BaseException) -> bool:
    """Whether the same call may succeed later: throttled, or an error of AWS's own."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return False
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return _code(error) in _THROTTLED or status >= 500


def is_connection_cut(error: BaseException) -> bool:
    """Whether the connection was closed without an answer: a kept one, after the process was frozen."""
    from botocore.exceptions import ConnectionClosedError

    return isinstance(error, ConnectionClosedError)


def is_unknown_subscription(error: Exception) -> bool:
    """Whether the subscription, or the topic, that was asked for does not exist."""
    return _code(error) in {"NotFound", "NotFoundException"}


def describe_call(action: str, error: Exception) -> str:
    """Names a failure for everybody's eyes: `sqs:CreateQueue: AccessDenied`. Never the message, which names ARNs."""
    return f"{action}: {_code(error) or type(error).__name__}"


def describe(error: Exception) -> str:
    """Words that are safe to show: our own, or the exception's name, never its message: it may hold what was read."""
    return str(error) if isinstance(error, StreamerError) else type(error).__name__


def log_fields(error: Exception) -> dict[str, object]:
    """A log line's members: `error` in words, what AWS or botocore `said`, `where` it was if it was unexpected."""
    cause = error.__cause__ if isinstance(error, StreamerError) else error
    expected = cause is None or isinstance(cause, call_errors())
    return {
        "error": describe(error),
        "said": message_of(cause),
        "where": None if expected or cause is None else _where(cause),
    }


def message_of(error: BaseException | None) -> str | None:
    """AWS's or botocore's own message: for the log, it may name queues. None for other exceptions."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Message"))[:_LONGEST]
    return str(error)[:_LONGEST] if isinstance(error, BotoCoreError) else None


def _code(error: BaseException | None) -> str | None:
    from botocore.exceptions import ClientError

    code = error.response.get("Error", {}).get("Code") if isinstance(error, ClientError) else None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _where(error: BaseException) -> str:
    """The three innermost calls, innermost first."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    return " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
