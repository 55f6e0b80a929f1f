"""A sink that keeps what it is given until the test lets the client take it, and a clock that the test turns."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.window import Window
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.telemetry.counters import Counters
from tests.factories import NOW_MS


class FakeSink:
    """Conforms to Sink; `take` is the client reading everything that waits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.on_blocked: Callable[[], None] | None = None
        self.on_drained: Callable[[], None] | None = None
        self.writes: list[bytes] = []
        self.taken = b""
        self.closed = False
        self.aborted = False
        self._clock = clock
        self._waiting_since: float | None = None

    def write(self, data: bytes) -> None:
        if not self.closed and data:
            self._waiting_since = self._clock() if self._waiting_since is None else self._waiting_since
            self.writes.append(data)
            if self.on_blocked is not None:
                self.on_blocked()

    def fail(self, *args: object, **options: object) -> Any:
        """In place of any other method: a sink that breaks."""
        raise ValueError(len(args) + len(options))

    def discard(self) -> bytes:
        first = self.writes[0] if self.writes else b""
        self.writes.clear()
        return first

    def close(self, last: bytes) -> None:
        self.write(last)
        self.closed = True

    def abort(self) -> None:
        self.aborted = True

    def pending(self) -> int:
        return sum(map(len, self.writes))

    def blocked_since(self) -> float | None:
        return self._waiting_since

    def progress(self) -> None:
        """The client reads a little: not all that waits."""
        if self.writes:
            self._waiting_since = self._clock()

    def take(self) -> list[dict[str, Any]]:
        """The client reads once; what it got, as a list of events (or {"comment": …})."""
        data = b"".join(self.writes)
        self.writes.clear()
        self._waiting_since = None
        self.taken += data
        if self.on_drained is not None and not self.closed:
            self.on_drained()
        return events(data)

    def take_all(self) -> list[dict[str, Any]]:
        """The client reads until nothing more comes."""
        got: list[dict[str, Any]] = []
        while self.writes:
            got += self.take()
        return got


def events(data: bytes) -> list[dict[str, Any]]:
    """Frames as dictionaries of their fields, `data` decoded."""
    found = []
    for block in data.decode().split("\n\n"):
        if not block:
            continue
        fields: dict[str, Any] = {}
        for line in block.split("\n"):
            name, _, value = line.partition(": ")
            fields[name or "comment"] = json.loads(value) if name == "data" else value
        found.append(fields)
    return found


def names(found: list[dict[str, Any]]) -> list[str]:
    """The event names of frames."""
    return [event.get("event", "comment") for event in found]


class Bench:
    """A delivery over a hub, with everything that moves in the test's hand."""

    def __init__(self, timing: Timing | None = None, **history: int) -> None:
        self.now = 1000.0
        self.hub: Hub[OpenStream] = Hub(run=1, ledger=Ledger(), history=History(**history), window=Window(NOW_MS))
        self.counters = Counters()
        self.mode = "push"
        self.delivery = Delivery(
            self.hub,
            self.counters,
            lambda: CurrentMode(self.mode, "as the test wants it", NOW_MS),
            timing or Timing(),
            clock=lambda: self.now,
            now_ms=self.wall_ms,
            randomness=random.Random(7),
        )

    def wall_ms(self) -> int:
        return NOW_MS + round((self.now - 1000) * 1000)

    def sink(self) -> FakeSink:
        return FakeSink(lambda: self.now)
