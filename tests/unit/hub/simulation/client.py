"""A client as the contract has it: applies events, keeps the last id, handles reset; it is cut after any frame."""

from __future__ import annotations

import asyncio
import functools
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from streamer.change import Key
from streamer.errors import TableError
from streamer.hub.filters import Filter
from streamer.hub.resume import Request
from streamer.hub.subscription import ConfigurationSubscription
from streamer.place import Place
from streamer.streams.stream import OpenStream, StreamState
from tests.unit.hub.simulation.checks import Checks
from tests.unit.hub.simulation.clock import Clock
from tests.unit.hub.simulation.container import Container, Run
from tests.unit.hub.simulation.plan import Ticks, Visit, Wanderer
from tests.unit.hub.simulation.table import Table
from tests.unit.hub.simulation.users import KEY

REPLAY_MS = 60_000
TICKERS: dict[Ticks, tuple[str, ...]] = {"A": ("AAPL",), "AB": ("AAPL", "MSFT"), "B": ("MSFT",)}


@dataclass(frozen=True, slots=True)
class Event:
    """A frame, read."""

    name: str
    place: str | None
    data: dict[str, Any]

    @property
    def about(self) -> tuple[Key, str]:
        return Key(self.data["source_id"], self.data["timestamp"]), self.data["ticker"]

    @property
    def version(self) -> str | None:
        return self.data["version"] if self.name == "sentiment_update" else None


@functools.lru_cache(maxsize=20_000)
def read(frame: bytes) -> Event:
    """One block of the wire format."""
    fields: dict[str, str] = {}
    for line in frame.decode().split("\n"):
        name, _, value = line.partition(": ")
        fields[name] = value
    return Event(fields["event"], fields.get("id"), json.loads(fields["data"]))


class Sink:
    """Conforms to delivery's Sink; frames wait in it until the client takes them."""

    def __init__(self, written: Callable[[], None]) -> None:
        self.on_blocked: Callable[[], None] | None = None
        self.on_drained: Callable[[], None] | None = None
        self.frames: deque[bytes] = deque()
        self.closed = False
        self._written = written

    def write(self, data: bytes) -> None:
        if not self.closed:
            self.frames.extend(block for block in data.split(b"\n\n") if block)
            self._written()

    def discard(self) -> bytes:
        raise AssertionError("nobody ends a stream here")

    def close(self, last: bytes) -> None:
        raise AssertionError("nobody ends a stream here")

    def abort(self) -> None:
        raise AssertionError("nobody ends a stream here")

    def pending(self) -> int:
        return sum(map(len, self.frames))

    def blocked_since(self) -> float | None:
        return None


class Follower:
    """A client that stays for the whole of a run, takes every frame at once, and shows them to the checks."""

    def __init__(self, run: Run, checks: Checks) -> None:
        self._run = run
        self._checks = checks
        self._sink = Sink(self._take)
        run.delivery.open(self._sink, Filter(None, True, False), Request())

    def _take(self) -> None:
        while self._sink.frames:
            event = read(self._sink.frames.popleft())
            if event.place is not None:
                place = Place.parse(event.place)
                about = event.about if event.name.startswith("sentiment") else None
                self._checks.published(self._run, place, about, event.version if about else None)


class Client:
    """Follows a wanderer's plan. `state`: what it shows, by item and ticker."""

    def __init__(
        self, clock: Clock, table: Table, checks: Checks, containers: list[Container], plan: Wanderer, name: str
    ) -> None:
        self.state: dict[tuple[Key, str], str] = {}
        self.tickers = TICKERS[plan.wants]
        self.visited: set[int] = set()
        """The runs that it was connected to since it last began anew."""
        self.place: str | None = None
        self.name = name
        self.configured = plan.configured
        self.log: list[str] = []
        self._clock = clock
        self._table = table
        self._checks = checks
        self._containers = containers
        self._slowness_ms = plan.slowness_ms
        self._visits = deque(plan.visits)
        self._wanted = Filter(None if plan.wants == "AB" else frozenset(self.tickers), True, plan.wants == "AB")
        self._visit = plan.visits[0]
        self._run: Run | None = None
        self._stream: OpenStream | None = None
        self._sink: Sink | None = None
        self._left: int | None = None
        self._subscription: ConfigurationSubscription[OpenStream] | None = None
        self._entering: asyncio.Task[None] | None = None
        self._connections = 0
        self._reading: asyncio.TimerHandle | None = None
        self._leaving: asyncio.TimerHandle | None = None
        self._buffer: list[Event] | None = []
        self._snapshots = 0
        self._number: int | None = None
        self._chosen = 0
        self._proved_ms = 0
        clock.after(plan.first_ms, self._go_on)

    def end(self, container: int) -> None:
        """No more wandering: to this container, for good."""
        self._visits.clear()
        self._cut()
        self._visit = Visit(container, 0, None, 10**9)
        self._connect()

    @property
    def settled(self) -> bool:
        return self._buffer is None and self._stream is not None and self._stream.state is StreamState.LIVE

    def restarted(self, run: Run) -> None:
        """The run is over; so are its connections."""
        if self._run is run:
            self._cut()
            self._go_on()

    def _go_on(self) -> None:
        if self._visits:
            self._visit = self._visits.popleft()
        else:
            self._visit = Visit(self._visit.container, 1_000, None, 10**9)
        self._leaving = self._clock.after(self._visit.pause_ms, self._connect)

    def _connect(self) -> None:
        container = self._containers[self._visit.container % len(self._containers)]
        run = container.run
        if run is None:
            self._leaving = self._clock.after(1_000, self._connect)
            return
        if self.configured:
            self._entering = asyncio.ensure_future(self._enter(run))
        else:
            self._open(run)

    async def _enter(self, run: Run) -> None:
        try:
            self._subscription = await run.subscriptions.enter(*KEY)
        except TableError:
            self._leaving = self._clock.after(1_000, self._connect)
            return
        self._entering = None
        if run.over:
            self._cut()
            self._leaving = self._clock.after(1_000, self._connect)
        else:
            self._open(run)

    def _open(self, run: Run) -> None:
        self._connections += 1
        self._run, self._left = run, self._visit.frames
        self.visited.add(run.number)
        self._sink = Sink(self._written)
        place = self.place
        request = Request(place) if place is not None else Request(None, REPLAY_MS)
        self._number = None
        if place is not None and Place.parse(place).run == run.number:
            self._number = Place.parse(place).frame
        wanted, since, subscription = self._wanted, None, self._subscription
        if subscription is not None:
            wanted, since = wanted.of(subscription), subscription.since
        stream = self._stream = run.delivery.open(self._sink, wanted, request, since=since)
        if subscription is not None:
            subscription.streams.add(stream)
        self.log.append(f"{self._clock.now} at {run.number} with {place} {stream.start.resume}")
        # Of what was there before it came to another run, not everything is sent again.
        self._chosen = run.hub.newest if stream.start.after_ms is not None else 0
        if stream.start.resume != "resumed":
            self._number = None
        if place is None and not self.configured:
            self._start_over()
        self._leaving = self._clock.after(self._visit.stay_ms, self._leave)
        if self._left == 0:
            self._leave()

    def _leave(self) -> None:
        self._cut()
        self._go_on()

    def _cut(self) -> None:
        for timer in (self._leaving, self._reading):
            if timer is not None:
                timer.cancel()
        self._leaving = self._reading = None
        if self._entering is not None:
            self._entering.cancel()
            self._entering = None
        if self._stream is not None and self._run is not None and self._sink is not None:
            self._sink.closed = True
            self._run.delivery.forget(self._stream)
            if self._subscription is not None:
                self._subscription.streams.discard(self._stream)
                self._run.subscriptions.leave(self._subscription)
        self._subscription = None
        self._run = self._stream = self._sink = None

    def _written(self) -> None:
        if self._reading is None:
            wait = self._slowness_ms * self._clock.noise("slow", self.name, self._connections, self._clock.now)
            self._reading = self._clock.after(wait, self._read)

    def _read(self) -> None:
        self._reading = None
        sink = self._sink
        while sink is not None and sink.frames:
            self._take(read(sink.frames.popleft()))
            if self._left is not None:
                self._left -= 1
                if self._left <= 0:
                    self._leave()
                    return
        if sink is not None and sink.on_drained is not None:
            sink.on_drained()

    def _take(self, event: Event) -> None:
        about = event.about if event.name.startswith("sentiment") else None
        if event.place is not None:
            place = Place.parse(event.place)
            assert self._run is not None
            if place.run != self._run.number:
                self._checks.violated("E", f"{self.name} got a place of another run")
            self._checks.joined(self._run, self._wanted, self._number, place.frame, about, self._chosen)
            self._number = place.frame
            self.place = event.place
        if self.configured and event.data.get("tickers") is not None:
            self._shows(event)
        if event.name == "reset":
            self._number = None
            self._start_over()
        elif about is not None:
            if self._buffer is not None:
                self._buffer.append(event)
            else:
                self._apply(event)
        if event.place is not None and self._buffer is None:
            self._holds(None if about is None else about[0])

    def _shows(self, event: Event) -> None:
        """`connected` and `reset` name the tickers."""
        shown = tuple(event.data["tickers"])
        if event.data.get("resume") == "resumed" and set(shown) != set(self.tickers):
            self._checks.violated("E", f"{self.name} resumes with {shown} after {self.tickers}")
        self.tickers, self._wanted = shown, Filter(frozenset(shown), True, False)
        if event.data.get("resume") == "fresh":  # only now it knows of which tickers it needs the snapshot
            self._start_over()

    def _apply(self, event: Event) -> None:
        shown = event.version
        if shown is None:
            self.state.pop(event.about, None)
        else:
            self.state[event.about] = shown

    def _start_over(self) -> None:
        assert self._run is not None
        self.visited = {self._run.number}
        self.state.clear()
        self._buffer = []
        self._snapshots += 1
        number = self._snapshots
        wait = 30 + 3_000 * self._clock.noise("snapshot", self.name, number) ** 3
        self._clock.after(wait, lambda: self._replace(number))

    def _replace(self, number: int) -> None:
        if number == self._snapshots and self._buffer is not None:
            self.state = {about: seen for about, seen in self._table.snapshot().items() if about[1] in self.tickers}
            buffer, self._buffer = self._buffer, None
            for event in buffer:
                self._apply(event)
            self._proved_ms = 0
            self._holds(None)

    def _holds(self, key: Key | None) -> None:
        if self.place is None:
            return
        proved_ms = Place.parse(self.place).time_ms
        if proved_ms:
            everything = proved_ms != self._proved_ms or key is None
            self._proved_ms = proved_ms
            tickers = None if self.configured else self.tickers
            self._checks.held(self.name, self.state, tickers, proved_ms, None if everything else key)
