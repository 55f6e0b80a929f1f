"""The signals that intake's tasks report to Intake, which counts them and passes them to the failover.

`error` is safe for clients: it has an API's name and an error code, no ARN and no queue name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from streamer.change import Key


@dataclass(frozen=True, slots=True)
class LeaseTaken:
    """A queue was created and subscribed."""

    subscribed_at: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class LeaseFailed:
    """No queue could be created. The task tries again."""

    error: str


@dataclass(frozen=True, slots=True)
class LeaseGone:
    """The queue was deleted, or does not get messages any more. The task creates a new one."""

    error: str


@dataclass(frozen=True, slots=True)
class QueueRead:
    """A receive succeeded, and its messages were handed over."""

    messages: int
    undeleted: int = 0
    """Number of messages that could not be deleted. SQS delivers them again."""


@dataclass(frozen=True, slots=True)
class QueueFailed:
    """A receive or the hand-over of its messages failed."""

    error: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message arrived through the queue: changes, or a canary."""

    relayed_at: int
    """Time (Unix milliseconds, the relay's clock) at which the relay published it. A repeat has an old time."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Records arrived whose order is unknown until a consistent read."""

    keys: Sequence[Key]


@dataclass(frozen=True, slots=True)
class Queried:
    """A query of the table is complete and handed over."""

    began_ms: int
    """Time at which it began, Unix milliseconds."""
    missed: int
    """Number of items that the previous query published and push has not brought since."""
    fetched: int = 0
    """Number of items that this query published; push may still bring them."""
    judges: bool = True
    """Whether all items of the previous query were written after the queue was created."""


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """A query failed. The task tries again."""

    error: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Signal = (
    LeaseTaken
    | LeaseFailed
    | LeaseGone
    | QueueRead
    | QueueFailed
    | MessageReceived
    | Undecided
    | Queried
    | QueryFailed
    | Tick
)


class SignalListener(Protocol):
    """Gets the signals of intake's tasks."""

    def hear(self, signal: Signal) -> None:
        """Handles a signal. Called in the event loop; does not block or raise."""
