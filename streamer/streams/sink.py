"""The interface between a stream and its socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Sink(Protocol):
    """Writes the bytes of one stream in order. Never blocks. Called from the event loop only."""

    on_blocked: Callable[[], None] | None
    """Called when bytes stay queued. `pending` and `blocked_since` tell when the client reads again."""
    on_drained: Callable[[], None] | None
    """Called when all queued bytes were sent. Not called after `close`, or when the client is disconnected."""

    def write(self, data: bytes) -> None:
        """Queues bytes. Does nothing after `close`, or when the client is disconnected."""

    def discard(self) -> bytes:
        """Drops the queued writes of which no byte was sent. Returns the first of them, or its beginning, as it was
        written; empty if there were none."""

    def close(self, last: bytes) -> None:
        """Sends the queued bytes, then `last`, then ends the response."""

    def abort(self) -> None:
        """Closes the connection at once. Queued bytes are lost."""

    def pending(self) -> int:
        """Returns the number of bytes that were not sent yet."""

    def blocked_since(self) -> float | None:
        """Returns since when the client has read nothing (seconds of the sink's clock); None if nothing is waiting."""
