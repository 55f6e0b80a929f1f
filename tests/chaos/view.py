"""What a page shows, by the rules of docs/events.md. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from streamer.change import Key
from tests.chaos.records import Anew, Delivery, Record, Shown


class View:
    """Applies events to a state; while a snapshot is being read, they wait for it."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.state: dict[tuple[Key, str], str] = {}
        self._buffer: list[Delivery] | None = None
        self._away = 0.0
        self._reason = ""
        self.last = 0.0
        """When the last event came that moved the client forward."""

    @property
    def waiting(self) -> bool:
        """Whether it waits for a snapshot."""
        return self._buffer is not None

    def begin_anew(self, reason: str) -> None:
        """A fresh stream, or a reset: from now on events wait for a snapshot, which is to be read now."""
        if self._buffer is None:
            self._away = self.last
        self._buffer = []
        self._reason = reason

    def snapshot(self, at: float, rows: Mapping[tuple[Key, str], str]) -> None:
        """Replaces the state by a snapshot and applies what came meanwhile."""
        wanted = {place: version for place, version in rows.items() if self.record.wants(place[1])}
        for place in sorted(self.state.keys() | wanted.keys()):
            if self.state.get(place) != wanted.get(place):
                self.record.shown.append(Shown(at, *place, wanted.get(place)))
        self.state = wanted
        buffered, self._buffer = self._buffer or [], None
        self.record.anew.append(Anew(self._away, at, self._reason))
        for delivery in buffered:
            self._apply(delivery.key, delivery.ticker, delivery.version, at)

    def deliver(self, at: float, container: int, key: Key, ticker: str, version: str | None) -> None:
        """One sentiment event."""
        repeated = version is not None and self.state.get((key, ticker)) == version
        delivery = Delivery(at, container, key, ticker, version, not repeated)
        self.record.deliveries.append(delivery)
        if self._buffer is not None:
            self._buffer.append(delivery)
        else:
            self._apply(key, ticker, version, at)

    def _apply(self, key: Key, ticker: str, version: str | None, at: float) -> None:
        if self.state.get((key, ticker)) == version:
            return  # a repeat
        if version is None:
            del self.state[key, ticker]
        else:
            self.state[key, ticker] = version
        self.record.shown.append(Shown(at, key, ticker, version))
