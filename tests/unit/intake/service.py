"""What a service gives to a Push, and what it hears, on the fakes' clock."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from streamer.aws import Clients
from streamer.intake.push import Push
from streamer.intake.receive import Message
from streamer.intake.signals import Polled, Signal
from tests.unit.intake.fakes import PREFIX, TOPIC_ARN, FakeAws
from tests.watchdog import WATCHDOG

Kind = TypeVar("Kind", bound=Signal)


class Service:
    """What a service gives to a Push, and what it hears."""

    def __init__(self, aws: FakeAws) -> None:
        self.aws = aws
        self.bodies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self.ceilings: list[float] = []
        self.intervals: list[tuple[float, float]] = []
        self.pause = 0.0
        """Seconds that each pause lasts."""
        self.trouble: list[Exception] = []
        """What the next hand-overs come to."""
        self.connected_in: list[str] = []
        self.push = Push(
            self.connect,
            self.deliver,
            self.signals.put,
            topic_arn=TOPIC_ARN,
            prefix=PREFIX,
            wait_seconds=10,
            now=aws.clock,
            jitter=self.jitter,
        )

    def connect(self) -> Clients:
        self.connected_in.append(threading.current_thread().name)
        return self.aws.clients()

    def deliver(self, messages: tuple[Message, ...]) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
        for message in messages:
            self.bodies.put(message.body)

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
    """A started Push whose first poll came back, stopped at the end if the test did not."""
    service.push.start()
    try:
        yield service
    finally:
        service.aws.end_polls()
        assert service.push.stop(WATCHDOG)


def settle(service: Service) -> None:
    """Returns when the first poll of a lease came back and the long one after it is waiting."""
    service.hears(Polled)
    service.aws.await_poll()
