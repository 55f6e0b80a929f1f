"""One container of the service: the real hub, feed, delivery, failover and poll, wired as `service` wires them, without
threads: what blocks lets virtual time pass instead."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, cast

from streamer.change import Key
from streamer.errors import TableError
from streamer.feed import Feed
from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.window import Window
from streamer.intake.failover import Failover, Push
from streamer.intake.poll import Poll
from streamer.intake.receive import Message
from streamer.intake.signals import Heard, LeaseGone, LeaseTaken, QueryFailed, Signal, Tick
from streamer.intake.survey import Spans
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.telemetry.counters import Counters, Lags
from tests.unit.hub.simulation.clock import Clock, Handle
from tests.unit.hub.simulation.plan import Plan
from tests.unit.hub.simulation.table import Reader, Table

if TYPE_CHECKING:
    from streamer.tables.sentiment import SentimentTable

MARGIN_MS = LEDGER_MARGIN_MS = 10_000
VERIFY_SECONDS = 15.0
POLL_SECONDS = 5.0
_SWEEP_MS = 1_000


class Ended(BaseException):
    """The run in which this was under way is over. No Exception: nobody but the world is to catch it."""


class Loop:
    """What feed and delivery want of an event loop; everything is in it already."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def call_soon_threadsafe(self, do: Callable[[], None]) -> None:
        do()

    def call_later(self, seconds: float, do: Callable[[], None]) -> Handle:
        return self._clock.after(seconds * 1000, do)


class Run:
    """One life of a container."""

    def __init__(
        self, clock: Clock, table: Table, plan: Plan, *, number: int, skew_ms: int, fails: Callable[[], bool]
    ) -> None:
        self.number = number
        self.over = False
        self._clock = clock
        self._skew_ms = skew_ms
        self._polling = False
        self._due = 0
        self._fails = False
        self._queries = 0
        self._wake: Handle | None = None
        now = self.wall_ms()
        self.failover = Failover(now)
        self.hub: Hub[OpenStream] = Hub(
            run=number,
            ledger=Ledger(margin_ms=LEDGER_MARGIN_MS),
            history=History(keep_ms=plan.history_ms),
            window=Window(now),
            margin_ms=MARGIN_MS,
        )
        self.delivery = Delivery(
            self.hub,
            counters := Counters(),
            lambda: CurrentMode(self.failover.mode, self.failover.reason, self.failover.since_ms),
            Timing(heartbeat=5, flush=plan.flush_ms / 1000, ping=1e9, lifetime=1e9, slow_seconds=1e9, slow_bytes=10**9),
            clock=self._seconds,
            now_ms=self.wall_ms,
            randomness=random.Random(number),
        )
        loop = cast(asyncio.AbstractEventLoop, Loop(clock))
        self.feed = Feed(self.hub, self.delivery, counters, Lags(), table="sentiment", loop=loop, now_ms=self.wall_ms)
        reader = Reader(clock, table, f"r{number}", lag_ms=plan.lag_ms, alive=self._alive, fails=fails)
        self.poll = Poll(
            lambda _: cast("SentimentTable", reader),
            self.feed,
            self.hear,
            interval=lambda: VERIFY_SECONDS if self.failover.push is Push.PROVEN else POLL_SECONDS,
            spans=Spans(window=3_600),
            margin=MARGIN_MS / 1000,
            now=self.wall_ms,
            clock=self._seconds,
            jitter=lambda low, high: low + (high - low) * clock.noise("jitter", number, self._queries),
        )
        self.feed.on_heard = lambda relayed_at: self.hear(Heard(relayed_at))
        self.feed.on_undecided = self._undecided
        clock.after(_SWEEP_MS, self._sweep)
        clock.after(2_000 * clock.noise("warm", number), self._step)

    def wall_ms(self) -> int:
        return self._clock.now + self._skew_ms

    def deliver(self, name: str, body: str) -> None:
        if not self.over:
            self.feed.deliver((Message(name, name, body, self.wall_ms(), None, 1),))

    def hear(self, signal: Signal) -> None:
        """As Service._hear."""
        if self.over:
            return
        standing = self.failover.push
        switch = self.failover.hear(signal, self.wall_ms())
        if self.failover.push is not standing:
            if self.failover.push is Push.PROVEN:
                self.poll.catch_up()
            elif standing is Push.PROVEN:
                self.poll.soon()
                self._due = 0
                self._wake_after(0)
        if switch is not None:
            self.delivery.announce_mode()

    def _step(self) -> None:
        """As one turn of Poll._run, which it is held to by a test."""
        self._wake = None
        if self._polling or self.over:
            return
        self._polling = True
        try:
            if self._clock.now >= self._due or (self.poll._soon and not self._fails):
                self.poll._soon = False
                self._queries += 1
                try:
                    self.poll._query()
                except TableError as error:
                    self._fails = True
                    self.hear(QueryFailed(str(error)))
                    wait = 4 * self._clock.noise("retry", self.number, self._queries)
                else:
                    self._fails = False
                    wait = self.poll._interval() * self.poll._jitter(0.9, 1.1)
                self._due = self._clock.now + round(wait * 1000)
            job, job_due = self.poll._side_job()
            if self._seconds() >= job_due:
                self.poll._on_the_side(job)
                _, job_due = self.poll._side_job()
            self._wake_after(max(0, min(self._due - self._clock.now, (job_due - self._seconds()) * 1000)))
        except Ended:
            pass
        finally:
            self._polling = False

    def _undecided(self, keys: Sequence[Key]) -> None:
        self.poll.read_soon(keys)
        self._wake_after(0)

    def _wake_after(self, wait_ms: float) -> None:
        if self._wake is not None:
            self._wake.cancel()
        self._wake = self._clock.after(math.ceil(wait_ms), self._step)

    def _sweep(self) -> None:
        if not self.over:
            self.hear(Tick())
            self.delivery.sweep()
            self._clock.after(_SWEEP_MS, self._sweep)

    def _seconds(self) -> float:
        return self._clock.now / 1000

    def _alive(self) -> None:
        if self.over:
            raise Ended


class Container:
    """A place where runs follow one another, with the queue of the one that is up."""

    def __init__(
        self,
        clock: Clock,
        table: Table,
        plan: Plan,
        index: int,
        *,
        began: Callable[[Run], None],
        fails: Callable[[], bool],
        delay: Callable[[str], Sequence[float]],
    ) -> None:
        """`began` is told of each run; `delay`: how long a message of a name takes, for each time that it comes."""
        self.run: Run | None = None
        self._clock = clock
        self._table = table
        self._plan = plan
        self._skew_ms = round(plan.skew_ms * (2 * clock.noise("skew", index) - 1))
        self._index = index
        self._began = began
        self._fails = fails
        self._delay = delay
        self._runs = 0
        self._lease = 0
        self._leased = False
        self.start()

    def start(self) -> None:
        if self.run is not None:
            return
        self._runs += 1
        number = 1000 * (self._index + 1) + self._runs
        self.run = Run(self._clock, self._table, self._plan, number=number, skew_ms=self._skew_ms, fails=self._fails)
        self._began(self.run)
        self.take_queue()

    def stop(self) -> None:
        if self.run is not None:
            self.run.over = True
            self.run = None
        self._leased = False

    def lose_queue(self, *, silently: bool) -> None:
        self._leased = False
        if self.run is not None and not silently:
            self.run.hear(LeaseGone("it was deleted"))

    def take_queue(self, *, silently: bool = False) -> None:
        if self.run is not None:
            self._leased = True
            self._lease += 1
            if not silently:
                self.run.hear(LeaseTaken(self.run.wall_ms()))

    def send(self, name: str, body: str) -> None:
        """SNS puts a message into the queue."""
        if self._leased:
            lease = self._lease
            for wait_ms in self._delay(name):
                self._clock.after(wait_ms, lambda: self._receive(lease, name, body))

    def _receive(self, lease: int, name: str, body: str) -> None:
        if self._leased and lease == self._lease and self.run is not None:
            self.run.deliver(name, body)
