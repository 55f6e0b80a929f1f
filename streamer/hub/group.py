"""Subscribers of equal filters: they are told the same bytes, so what they were told is counted once for all."""

from __future__ import annotations

from typing import TypeVar

Subscriber = TypeVar("Subscriber")


class Group(set[Subscriber]):
    """A set of subscribers with the sums of what each of its members was told since it was made."""

    __slots__ = ("bytes", "events", "told_at")

    def __init__(self) -> None:
        super().__init__()
        self.events = 0
        """Sentiment and metrics events."""
        self.bytes = 0
        self.told_at = float("-inf")
        """When it was last told something, in seconds of whoever tells."""

    def told(self, events: int, size: int, now: float) -> None:
        """Counts what every member gets now."""
        self.events += events
        self.bytes += size
        self.told_at = now
