"""Subscribers with equal filters. They get the same bytes, which are counted once for the group."""

from __future__ import annotations

from typing import TypeVar

from streamer.hub.filters import Filter
from streamer.hub.frame import Frame

Subscriber = TypeVar("Subscriber")


class Group(set[Subscriber]):
    """A set of subscribers, with the totals that the group was sent since it was created."""

    __slots__ = ("bytes", "events", "filter", "frames", "own_places", "written_at")

    def __init__(self, wanted: Filter) -> None:
        super().__init__()
        self.filter = wanted
        self.own_places = wanted.configuration is not None
        """Whether the group's frames have places of their own (Hub.encode)."""
        self.frames: list[Frame] | None = None
        """The frames that the group gets while a flush is routed to groups (Groups.route); None otherwise."""
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
