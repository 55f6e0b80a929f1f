"""What a service gives to a Push, and what it hears, on the fakes' clock: an event loop in a thread of its own, so that
a test can wait for what a real worker does."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from streamer.aws.clients import QueueClients
from streamer.change import Key
from streamer.intake.push import Push, QueueSettings
from streamer.intake.receive import Decoded
from streamer.intake.signals import QueueRead, Signal
from streamer.telemetry.counters import Counters
from tests.loop_thread import LoopThread
from tests.unit.intake.fakes import PREFIX, TOPIC_ARN, FakeAws
from tests.watchdog import WATCHDOG

Kind = TypeVar("Kind", bound=Signal)


class Service(LoopThread):
    """Conforms to what Push wants of its consumer and its listener."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.bodies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self.ceilings: list[float] = []
        self.intervals: list[tuple[float, float]] = []
        self.counters = Counters()
        self.pause = 0.0
        """Seconds that each pause lasts."""
        self.trouble: list[Exception] = []
        """What the next hand-overs come to."""
        self.undecided: list[Key] = []
        """What each hand-over leaves to a read."""
        self.taking: Callable[[Sequence[Decoded]], None] | None = None
        """Called with what is handed over."""
        self.connected_in: list[str] = []
        self.push = Push(
            QueueSettings(TOPIC_ARN, PREFIX, "sentiment", wait_seconds=10, tags=(("team", "news"),)),
            self,
            self,
            self.counters,
            connect=self.connect,
            now=aws.clock,
            jitter=self.jitter,
        )
        super().__init__(self.push.run)

    def connect(self, wait_seconds: int) -> QueueClients:
        assert wait_seconds == 10
        self.connected_in.append(threading.current_thread().name)
        return self.aws.clients()

    def take(self, messages: Sequence[Decoded]) -> Sequence[Key]:
        if self.taking is not None:
            self.taking(messages)
        if self.trouble:
            raise self.trouble.pop(0)
        for message, _ in messages:
            self.bodies.put(message.body)
        return self.undecided

    def announce_mode(self) -> None:
        raise AssertionError("Push knows no mode")

    def hear(self, signal: Signal) -> None:
        self.signals.put(signal)

    def jitter(self, low: float, high: float) -> float:
        if low > 0:  # an interval, not a pause
            self.intervals.append((low, high))
            return high
        self.ceilings.append(high)
        return self.pause

    def next_body(self) -> str:
        return self.bodies.get(timeout=WATCHDOG)

    def hears(self, kind: type[Kind]) -> Kind:
        """The next signal of a kind; others before it are dropped."""
        while True:
            signal = self.signals.get(timeout=WATCHDOG)
            if isinstance(signal, kind):
                return signal


@contextmanager
def running(service: Service) -> Iterator[Service]:
    """A started Push, stopped at the end if the test did not."""
    service.start()
    try:
        yield service
    finally:
        service.stop()
        service.aws.end_polls()


def settle(service: Service) -> None:
    """Returns when the first receive of a lease came back and the long one after it is waiting."""
    service.hears(QueueRead)
    service.aws.await_poll()
