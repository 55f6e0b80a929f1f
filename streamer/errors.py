"""The errors that cross a module's border.

StreamerError
├── SettingsError        the environment does not say what the service needs; lists every mistake
├── RequestError         a client's request cannot be served as it stands (HTTP 4xx)
├── TableError           the table could not be read this time; worth trying again
├── UnexpectedEvent      a function was invoked by something that it is not for
├── PoisonMessage        a queue message that can never be understood; counted, logged, dropped
└── LeaseError           a queue of our own could not be had, kept or given back
    └── LeaseLost        the queue or its subscription is gone; take a new lease
"""

from __future__ import annotations

from collections.abc import Sequence


class StreamerError(Exception):
    """Whatever this package raises on purpose."""


class SettingsError(StreamerError):
    """Every mistake in the environment at once: one line each, with key, value and remedy."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        super().__init__("\n".join(mistakes))
        self.mistakes = tuple(mistakes)


class RequestError(StreamerError):
    """What is wrong with a request, in words that are safe to send back: they never hold its input."""

    def __init__(self, status: int, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.members = members


class UnexpectedEvent(StreamerError):
    """A function was invoked by something that it is not for."""


class PoisonMessage(StreamerError):
    """Why a message can never be understood: a reason for the counter, and words for the log."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class TableError(StreamerError):
    """The table could not be read this time, in words safe to show; worth trying again."""


class LeaseError(StreamerError):
    """A queue of our own could not be had, kept or given back; worth trying again."""


class LeaseLost(LeaseError):
    """The queue or its subscription is gone: only a new lease helps."""


def described(event: object) -> str:
    """A function's event in words that hold none of its values."""
    if not isinstance(event, dict):
        return f"the event is a {type(event).__name__}"
    return f"the event has the members {sorted(map(str, event))[:10]}"
