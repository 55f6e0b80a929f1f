"""What the receiving thread reports: who hears them decides (failover), counts and logs.

The words in `error` are safe to show to everybody: an API's name and an error's code, no ARN, no queue's name.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LeaseTaken:
    """A queue of our own stands and is subscribed."""

    subscribed_at: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class LeaseFailed:
    """A queue could not be had; the next attempt follows by itself."""

    error: str


@dataclass(frozen=True, slots=True)
class LeaseGone:
    """The queue that we had does not exist any more; a new one follows by itself."""

    error: str


@dataclass(frozen=True, slots=True)
class Polled:
    """The queue answered, and what it held has been handed over."""

    messages: int
    undeleted: int = 0
    """How many of them could not be deleted, and come again."""


@dataclass(frozen=True, slots=True)
class PollFailed:
    """The queue could not be read, or what it held could not be handed over."""

    error: str


Signal = LeaseTaken | LeaseFailed | LeaseGone | Polled | PollFailed
