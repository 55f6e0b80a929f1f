"""Recognizes repeated updates."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from streamer.client.event import Unknown
from streamer.sse.events import Event, Reset, SentimentUpdate, SentimentWithdrawn

_LIMIT: Final = 100_000


class Repeats:
    """The last version of each item and ticker, of the `limit` that changed last."""

    def __init__(self, limit: int = _LIMIT) -> None:
        self.dropped = 0
        """How many repeats were recognized."""
        self._limit = limit
        self._versions: OrderedDict[tuple[str, str, str], str] = OrderedDict()

    def add(self, event: Event | Unknown) -> bool:
        """Records an event. Returns whether it is a repeat, which changes nothing. A reset clears all versions."""
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
