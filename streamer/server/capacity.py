"""How many connections there may be, and which of them is closed first when there are too many."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from streamer.server.limits import ConnectionLimits

YOUNG: Final = 1.0
"""Seconds in a state for which a connection is not closed while another has waited longer, whatever for: otherwise a
client that has just connected, or was just answered, would make room for the next one, and those that hold the server
would keep it."""


class Expendable(Protocol):
    """A connection that may be closed to make room for others."""

    since: float
    """When its state began, by the loop's clock."""

    @property
    def expendable(self) -> int | None:
        """How soon it is closed for others, 0 first; None: not at all."""

    def abort(self) -> None:
        """Closes it at once."""


class Capacity:
    """Bounds the connections of one server, streams that took theirs over included."""

    def __init__(self, limits: ConnectionLimits, taken: Callable[[], int] | None = None) -> None:
        """`taken`: how many connections are taken over now; None: they cannot be."""
        self.limits = limits
        self.takeover = taken is not None
        self._taken = taken

    def free(self, connections: set[Expendable]) -> int:
        """How many more there may be; negative: how much of the reserve is taken."""
        taken = 0 if self._taken is None else self._taken()
        return self.limits.connections - taken - len(connections)

    def make_room(self, connections: set[Expendable], now: float) -> int:
        """For one more connection. If there are too many, the one that waits for its client, and has for longest, is
        closed, the young last. Returns what is free then: not above 0 if all others wait for the application."""
        if self.free(connections) > 0:
            return self.free(connections)
        waiting = [(order, other) for other in connections if (order := other.expendable) is not None]
        if waiting:
            young = now - YOUNG
            _, oldest = min(
                waiting,
                key=lambda one: (one[1].since > young, 0 if one[1].since > young else one[0], one[1].since),
            )
            oldest.abort()
            connections.discard(oldest)
        return self.free(connections)
