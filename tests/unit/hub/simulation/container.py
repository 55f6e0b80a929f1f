"""One container of the service: the real hub, publisher, delivery and intake, wired as `service` wires them, on a loop
whose time is virtual. A queue stands for push: what it holds is handed over as Push hands it over."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, cast

from streamer.change import Key
from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.window import Window
from streamer.intake.decode import Batch, Canary
from streamer.intake.failover import Failover
from streamer.intake.intake import Intake
from streamer.intake.poll import PollSettings
from streamer.intake.receive import QueueMessage, decode_message
from streamer.intake.signals import LeaseGone, LeaseTaken, MessageReceived, Signal, Undecided
from streamer.publisher import Publisher
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.subscriptions import ConfigurationSubscriptions
from streamer.telemetry.counters import Counters, Lags
from tests.unit.hub.simulation.clock import START_MS, Clock
from tests.unit.hub.simulation.plan import Plan
from tests.unit.hub.simulation.table import Reader, Table
from tests.unit.hub.simulation.users import Users, UsersReader

if TYPE_CHECKING:
    from streamer.tables.configurations import ConfigurationTable
    from streamer.tables.sentiment import SentimentTable

MARGIN_MS = LEDGER_MARGIN_MS = 10_000
VERIFY_SECONDS = 15.0
POLL_SECONDS = 5.0
_SWEEP_MS = 1_000


class Viewing(Publisher):
    """Notes when the first query was complete, by the run's clock."""

    viewed_ms: int | None = None

    def proved(self, began_ms: int, since_ms: int, fetched: Collection[Key]) -> int:
        if self.viewed_ms is None:
            self.viewed_ms = self._now_ms()
        return super().proved(began_ms, since_ms, fetched)


class Run:
    """One life of a container."""

    def __init__(
        self,
        clock: Clock,
        table: Table,
        users: Users,
        plan: Plan,
        *,
        number: int,
        skew_ms: int,
        fails: Callable[[str], bool],
    ) -> None:
        self.number = number
        self.over = False
        self._clock = clock
        self._skew_ms = skew_ms
        now = self.wall_ms()
        failover = Failover(now)
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
            lambda: CurrentMode(failover.mode, failover.reason, failover.since_ms),
            Timing(
                heartbeat=5,
                flush=plan.flush_ms / 1000,
                flush_burst=1,  # frames wait for a flush as often as possible
                ping=1e9,
                lifetime=1e9,
                slow_seconds=1e9,
                slow_bytes=10**9,
            ),
            clock=lambda: (clock.now - START_MS) / 1000,
            now_ms=self.wall_ms,
            randomness=random.Random(number),
        )
        jitter = random.Random(number)
        self.subscriptions = ConfigurationSubscriptions(
            cast("ConfigurationTable", UsersReader(clock, users, f"u{number}", lambda: fails("users"))),
            self.hub,
            self.delivery,
            counters,
            now_ms=self.wall_ms,
            jitter=random.Random(number).uniform,
            rotation=50,  # the world settles within this time
        )
        self._publisher = Viewing(
            self.hub, self.delivery, counters, Lags(), subscriptions=self.subscriptions, now_ms=self.wall_ms
        )
        self.reader = Reader(clock, table, f"r{number}", lag_ms=plan.lag_ms, fails=lambda: fails("query"))
        self._intake = Intake(
            failover,
            cast("SentimentTable", self.reader),
            self._publisher,
            counters,
            poll=PollSettings(POLL_SECONDS, VERIFY_SECONDS, window=3_600, margin=MARGIN_MS / 1000),
            queue=None,
            now_ms=self.wall_ms,
            jitter=jitter.uniform,
        )
        self._checking: asyncio.Task[None] | None = None
        clock.after(_SWEEP_MS, self._sweep)
        clock.after(2_000 * clock.noise("warm", number), self._start)

    @property
    def viewed_ms(self) -> int | None:
        """The true time at which its first query was complete."""
        return None if self._publisher.viewed_ms is None else self._publisher.viewed_ms - self._skew_ms

    def wall_ms(self) -> int:
        return self._clock.now + self._skew_ms

    def stop(self) -> None:
        self.over = True
        if self._checking is not None:
            self._checking.cancel()
        self._stopping = asyncio.ensure_future(self._intake.stop())

    def deliver(self, name: str, body: str) -> None:
        if self.over:
            return
        decoded = decode_message(QueueMessage(name, name, body, self.wall_ms(), None, 1), "sentiment", "users")
        undecided = self._publisher.take([decoded])
        match decoded.content:
            case Batch(relayed_at=at) | Canary(sent_at=at):
                self.hear(MessageReceived(at))
        if undecided:
            self.hear(Undecided(undecided))

    def hear(self, signal: Signal) -> None:
        if not self.over:
            self._intake.hear(signal)

    def _start(self) -> None:
        if not self.over:
            self._intake.start()
            self._checking = asyncio.ensure_future(self.subscriptions.run(self._intake.poll))

    def _sweep(self) -> None:
        if not self.over:
            self.delivery.sweep()
            self._clock.after(_SWEEP_MS, self._sweep)


class Container:
    """A place where runs follow one another, with the queue of the one that is up."""

    def __init__(
        self,
        clock: Clock,
        table: Table,
        users: Users,
        plan: Plan,
        index: int,
        *,
        began: Callable[[Run], None],
        fails: Callable[[str], bool],
        delay: Callable[[str], Sequence[float]],
    ) -> None:
        """`began` is told of each run; `fails`: whether reads fail, by the kind of fault; `delay`: how long a message
        of a name takes, for each time that it comes."""
        self.run: Run | None = None
        self._clock = clock
        self._table = table
        self._users = users
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
        self.run = Run(
            self._clock,
            self._table,
            self._users,
            self._plan,
            number=number,
            skew_ms=self._skew_ms,
            fails=self._fails,
        )
        self._began(self.run)
        self.take_queue()

    def stop(self) -> None:
        if self.run is not None:
            self.run.stop()
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
