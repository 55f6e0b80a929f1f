"""The exceptions that callers in other modules handle.

StreamerError
├── SettingsError        the settings are invalid; lists every mistake
├── RequestError         a client's request is invalid (HTTP 4xx)
├── TableError           a call to DynamoDB failed; a retry may succeed
├── UnexpectedEvent      a function was invoked with an event that it does not support
├── PoisonMessage        a queue message cannot be decoded; it is counted, logged and deleted
└── LeaseError           the container's queue could not be created, renewed or deleted; a retry may succeed
    └── LeaseLost        the queue or its subscription does not exist any more; a new lease is needed
"""

from __future__ import annotations

from collections.abc import Sequence


class StreamerError(Exception):
    """Base class of this package's exceptions."""


class SettingsError(StreamerError):
    """All mistakes in the settings: one line each, with key, value and remedy."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class RequestError(StreamerError):
    """A mistake in a request. `detail` is sent to the client and never contains input. `members` are the extension
    members of the problem (RFC 9457)."""

    def __init__(self, status: int, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.members = members


class UnexpectedEvent(StreamerError):
    """A function was invoked with an event that it does not support."""


class PoisonMessage(StreamerError):
    """A queue message cannot be decoded. `reason` is the name of a counter, `detail` is for the log."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class TableError(StreamerError):
    """A call to DynamoDB failed; a retry may succeed. The message is safe to show to everyone."""


class LeaseError(StreamerError):
    """The container's queue could not be created, renewed or deleted; a retry may succeed."""


class LeaseLost(LeaseError):
    """The queue or its subscription does not exist any more. A new lease is needed."""


def describe_event(event: object) -> str:
    """Describes a function's event without its values."""
    if not isinstance(event, dict):
        return f"the event is a {type(event).__name__}"
    return f"the event has the members {sorted(map(str, event))[:10]}"
