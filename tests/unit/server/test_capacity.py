"""The limit of connections, and what it costs to stay below it."""

from __future__ import annotations

from streamer.server.capacity import Capacity, Evictable
from streamer.server.limits import ConnectionLimits


class Waiting:
    """A connection that waits for its client, and counts how often it was looked at."""

    def __init__(self, since: float = 0.0) -> None:
        self.since = since
        self.looked_at = 0
        self.aborted = False

    @property
    def close_priority(self) -> int | None:
        self.looked_at += 1
        return 0

    def abort(self) -> None:
        self.aborted = True


def test_below_the_limit_a_new_connection_looks_at_no_other() -> None:
    # Thousands come back at once after a deploy: looking at all of them for each one stops the event loop for seconds.
    others = [Waiting() for _ in range(50)]
    connections: set[Evictable] = set(others)
    assert Capacity(ConnectionLimits(connections=51)).make_room(connections, now=10.0) == 1
    assert not any(other.looked_at for other in others)


def test_at_the_limit_the_one_that_waits_longest_is_closed() -> None:
    others = [Waiting(since) for since in (3.0, 1.0, 2.0)]
    connections: set[Evictable] = set(others)
    assert Capacity(ConnectionLimits(connections=3)).make_room(connections, now=10.0) == 1
    assert [other.aborted for other in others] == [False, True, False]
