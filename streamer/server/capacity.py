"""Limits the number of connections: at the limit, a connection that waits for its client is closed for a new one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from streamer.server.limits import ConnectionLimits

_YOUNG: Final = 1.0
"""A connection that is in its state for less than this time (seconds) is closed only if all others are young, too.
Otherwise an attacker's idle connections would stay open, and each new client would be closed for the next one."""


class Evictable(Protocol):
    """A connection that may be closed to make room for others."""

    since: float
    """Time of the last state change, by the loop's clock."""

    @property
    def close_priority(self) -> int | None:
        """Priority for closing at the connection limit: 0 is closed first; None is never closed."""

    def abort(self) -> None:
        """Closes the connection at once."""


class Capacity:
    """Limits the connections of one server, including those that were handed over to streams."""

    def __init__(self, limits: ConnectionLimits, handed_over: Callable[[], int] | None = None) -> None:
        """`handed_over` returns the number of connections that streams have; None disables the handover."""
        self.limits = limits
        self.takeover = handed_over is not None
        self._handed_over = handed_over

    def free(self, connections: set[Evictable]) -> int:
        """Returns the number of free connections; negative if the reserve is in use."""
        handed_over = 0 if self._handed_over is None else self._handed_over()
        return self.limits.connections - handed_over - len(connections)

    def make_room(self, connections: set[Evictable], now: float) -> int:
        """Called for a new connection. At the limit it closes one connection that waits for its client: by priority,
        then the one that waits longest. Returns the number of free connections; 0 or less if no connection could be
        closed."""
        free = self.free(connections)
        if free > 0:  # looking at all connections for each new one takes seconds when thousands come at once
            return free
        waiting = [(priority, other) for other in connections if (priority := other.close_priority) is not None]
        if not waiting:
            return free

        def order(entry: tuple[int, Evictable]) -> tuple[bool, int, float]:
            priority, other = entry
            young = other.since > now - _YOUNG
            return young, 0 if young else priority, other.since

        _, evicted = min(waiting, key=order)
        evicted.abort()
        connections.discard(evicted)
        return self.free(connections)
