"""What intake's tasks report: Intake hears it, counts it and asks failover what follows.

The words in `error` are safe to show to everybody: an API's name and an error's code, no ARN, no queue's name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from streamer.change import Key


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
    """The queue that we had does not exist any more, or gets nothing; a new one follows by itself."""

    error: str


@dataclass(frozen=True, slots=True)
class QueueRead:
    """The queue answered, and what it held has been handed over."""

    messages: int
    undeleted: int = 0
    """How many of them could not be deleted, and come again."""


@dataclass(frozen=True, slots=True)
class QueueFailed:
    """The queue could not be read, or what it held could not be handed over."""

    error: str


@dataclass(frozen=True, slots=True)
class MessageReceived:
    """A message came through the queue: changes, or a canary."""

    relayed_at: int
    """When the relay published it, in Unix milliseconds by the relay's clock: tells a repeat from a new one."""


@dataclass(frozen=True, slots=True)
class Undecided:
    """Records came that only a consistent read can place."""

    keys: Sequence[Key]


@dataclass(frozen=True, slots=True)
class Queried:
    """A query of the table was taken in whole."""

    began_ms: int
    """When it began, Unix milliseconds."""
    missed: int
    """Items that the query before this one brought, and push has not brought since."""
    fetched: int = 0
    """Items that this one brought; push may be about to bring them."""
    judges: bool = True
    """The query before this one brought nothing that was written before there was a queue."""


@dataclass(frozen=True, slots=True)
class QueryFailed:
    """The table could not be read; the next attempt follows by itself."""

    error: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed, and nothing else."""


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
    """Hears what intake's tasks report."""

    def hear(self, signal: Signal) -> None:
        """Acts on it at once. In the event loop; must not block, and does not raise."""
