"""Recognizes repeated updates."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from streamer.client.event import Unknown
from streamer.sse.events import Event, Reset, SentimentUpdate, SentimentWithdrawn

_LIMIT: Final = 100_000


class Repeats:
    """Keeps the last version of each item and ticker, for the `limit` that changed most recently."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self.dropped = 0
        """Number of recognized repeats."""
        self._limit = limit
        self._versions: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def add(self, event: Event | Unknown) -> bool:
        """Records an event and returns whether it is a repeat. A reset clears all versions."""
        match event:
            case SentimentUpdate():
                item = (event.source_id, event.timestamp, event.ticker)
                if self._versions.get(item) == event.version:
                    self.dropped += 1
                    return True
                self._versions[item] = event.version
                self._versions.move_to_end(item)
                if len(self._versions) > self._limit:
                    self._versions.popitem(last=False)
            case SentimentWithdrawn():
                self._versions.pop((event.source_id, event.timestamp, event.ticker), None)
            case Reset():
                self._versions.clear()
        return False
