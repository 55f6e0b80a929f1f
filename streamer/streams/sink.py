"""The interface between a stream and its socket."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol


class Sink(Protocol):
    """Takes a stream's bytes in order and never blocks. Called from the event loop only."""

    on_blocked: Callable[[], None] | None
    """Called when the transport stops taking bytes, or has yet to take some: `pending` and `blocked_since` tell when
    it takes them again."""
    on_drained: Callable[[], None] | None
    """Called when everything written has been handed to the transport; not after `close` or when the client is gone."""

    def write(self, data: bytes) -> None:
        """Queues bytes. After `close`, or when the client is gone, nothing happens."""

    def close(self, last: bytes, *, discard: bool = False) -> None:
        """Sends what is queued (unless discarded), then `last`, then ends the response."""

    def abort(self) -> None:
        """Ends at once, whatever is queued."""

    def pending(self) -> int:
        """Bytes that the transport has not taken yet."""

    def blocked_since(self) -> float | None:
        """When the transport last stopped taking bytes (the sink's clock, seconds); None: it takes them."""
