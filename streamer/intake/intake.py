"""Intake runs push and poll, reports their signals to the failover, and acts on its state.

push, poll, tick ─► hear(signal) ─► failover ─► mode; wakes poll, has the lease checked
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from streamer.clock import wall_ms
from streamer.intake.consumer import Consumer
from streamer.intake.failover import Failover, PushState, Switch
from streamer.intake.poll import Poll, PollSettings
from streamer.intake.push import Push, QueueSettings
from streamer.intake.retry import Jitter
from streamer.intake.signals import (
    LeaseFailed,
    LeaseGone,
    LeaseTaken,
    Queried,
    QueryFailed,
    QueueFailed,
    QueueRead,
    Signal,
    Tick,
    Undecided,
)
from streamer.tables.sentiment import SentimentTable
from streamer.telemetry.counters import Counters

logger = logging.getLogger(__name__)

LEASE_WAIT: Final = 2.0
"""Maximum number of seconds for which the first query waits, so that the queue exists before it."""
CHECK_AGAIN: Final = 15.0
"""Number of seconds between two checks of a lease that delivers nothing."""
STOP_BOUND: Final = 10.0
"""Maximum number of seconds for which a stop waits until the lease is released. The reaper deletes what is left."""
_TICK: Final = 1.0
_OVERDUE: Final = 2  # intervals without a query, after which the process must have been frozen


class Intake:
    """Runs push and poll for one container, in the event loop, between `start` and `stop`."""

    def __init__(
        self,
        failover: Failover,
        table: SentimentTable,
        consumer: Consumer,
        counters: Counters,
        *,
        poll: PollSettings,
        queue: QueueSettings | None,
        now_ms: Callable[[], int] = wall_ms,
        jitter: Jitter = random.uniform,
    ) -> None:
        """`queue`: None in deployments without push. `now_ms` returns Unix milliseconds."""
        self.poll = Poll(table, consumer, self, failover, poll, now=now_ms, jitter=jitter)
        self.push = None if queue is None else Push(queue, consumer, self, counters, now=now_ms, jitter=jitter)
        self._failover = failover
        self._consumer = consumer
        self._counters = counters
        self._ready_after = poll.ready_after
        self._now_ms = now_ms
        self._tasks: list[asyncio.Task[None]] = []
        self._began = asyncio.get_running_loop().time()
        self._checked_at = self._began
        self._ready = asyncio.Event()  # the first query has succeeded
        self._leased = asyncio.Event()  # a lease was taken, or an attempt failed
        self._queried_ms = 0  # time at which the newest complete query began
        self._next_query = asyncio.Event()

    def start(self) -> None:
        """Starts the tasks. Called once."""
        running = {"poll": self._poll_after_lease(), "tick": self._tick()}
        if self.push is not None:
            running["push"] = self.push.run()
        self._tasks = [asyncio.create_task(task, name=name) for name, task in running.items()]
        for task in self._tasks:
            task.add_done_callback(_log_error)

    async def stop(self) -> None:
        """Ends the tasks and releases the lease. Waits at most STOP_BOUND seconds."""
        for task in self._tasks:
            task.cancel()
        if not self._tasks:
            return
        _, late = await asyncio.wait(self._tasks, timeout=STOP_BOUND)
        for task in late:
            logger.warning("intake has not ended", extra={"task": task.get_name(), "waited_seconds": STOP_BOUND})
            task.cancel()

    @property
    def is_ready(self) -> bool:
        """Whether the first query has succeeded, or `ready_after` seconds have passed since the start."""
        return self._ready.is_set() or asyncio.get_running_loop().time() >= self._began + self._ready_after

    async def wait_ready(self) -> None:
        """Returns when `is_ready` is true."""
        with suppress(TimeoutError):
            async with asyncio.timeout_at(self._began + self._ready_after):
                await self._ready.wait()

    async def wait_awake(self) -> None:
        """If the process was frozen since its last query, waits for a new query."""
        came_ms = self._now_ms()  # the event loop's clock may have stopped meanwhile
        if came_ms - self._queried_ms <= _OVERDUE * self.poll.interval() * 1000:
            return
        self.poll.soon()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._ready_after):
                while self._queried_ms < came_ms:
                    await self._next_query.wait()

    def hear(self, signal: Signal) -> None:
        """Counts a task's signal, reports it to the failover, and acts on the new state."""
        try:
            self._note(signal)
            before = self._failover.push
            switch = self._failover.hear(signal, self._now_ms())
            self._react(before)
            if switch is not None:
                self._announce(switch)
        except Exception:
            logger.exception("signal not handled", extra={"signal": type(signal).__name__})

    def _note(self, signal: Signal) -> None:
        match signal:
            case LeaseTaken():
                self._counters.add("leases_taken")
                self._leased.set()
                self.poll.queue_taken()
            case LeaseFailed():
                self._counters.add("lease_failures")
                self._leased.set()
            case LeaseGone():
                self._counters.add("leases_lost")
            case QueueFailed():
                self._counters.add("receive_failures")
            case QueueRead(_, undeleted):
                self._counters.add("deletes_failed", undeleted)
            case Undecided(keys):
                self.poll.read_soon(keys)
            case QueryFailed():
                self._counters.add("queries_failed")
            case Queried(began_ms):
                self._queried_ms = began_ms
                self._next_query.set()
                self._next_query = asyncio.Event()
                if not self._ready.is_set():
                    self._ready.set()
                    logger.info("ready")

    def _react(self, before: PushState) -> None:
        """Starts the catch-up, a query or a lease check, as the state of push requires."""
        now, state = asyncio.get_running_loop().time(), self._failover.push
        doubted = state is not before and before is PushState.PROVEN
        if state is not before and state is PushState.PROVEN:
            self.poll.catch_up()
        if doubted:
            self.poll.soon()
        if (
            self.push is not None
            and state is not PushState.PROVEN
            and (doubted or now >= self._checked_at + CHECK_AGAIN)
        ):
            self._checked_at = now
            self.push.check_soon()

    def _announce(self, switch: Switch) -> None:
        self._counters.add("mode_switches")
        logger.info("mode switched", extra={"mode": switch.mode, "before": switch.before, "reason": switch.reason})
        self._consumer.announce_mode()

    async def _poll_after_lease(self) -> None:
        if self.push is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(LEASE_WAIT):
                    await self._leased.wait()
        await self.poll.run()

    async def _tick(self) -> None:
        while True:
            self.hear(Tick())
            await asyncio.sleep(_TICK)


def _log_error(task: asyncio.Task[None]) -> None:
    """Only a bug ends a task of intake before it is cancelled."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("intake ended by an error", exc_info=error, extra={"task": task.get_name()})
