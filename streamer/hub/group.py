"""Subscribers with equal filters. They get the same bytes, which are counted once for the group."""

from __future__ import annotations

from typing import TypeVar

Subscriber = TypeVar("Subscriber")


class Group(set[Subscriber]):
    """A set of subscribers, with the totals that the group was sent since it was created."""

    __slots__ = ("bytes", "events", "written_at")

    def __init__(self) -> None:
        super().__init__()
        self.events = 0
        """Sentiment and metrics events."""
        self.bytes = 0
        self.written_at = float("-inf")
        """Time of the last write to the group, in seconds of the caller's clock."""

    def record_write(self, events: int, size: int, now: float) -> None:
        """Counts one write to every member."""
        self.events += events
        self.bytes += size
        self.written_at = now
