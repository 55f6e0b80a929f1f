"""Push takes a lease, receives messages from its queue, hands them over and deletes them. It retries every failure.

    lease ─► await worker(receive, decode) ─► consumer.take ─► await worker(delete)

The next receive starts after the hand-over of the last one, so at most ten messages wait here.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from streamer.aws.clients import QueueClients, connect_queue
from streamer.aws.errors import describe, is_missing_queue, log_fields
from streamer.aws.worker import Worker
from streamer.clock import wall_ms
from streamer.errors import LeaseLost, StreamerError
from streamer.intake.consumer import MessageConsumer
from streamer.intake.decode import Batch, Canary
from streamer.intake.keepalive import HEARTBEAT, Keepalive
from streamer.intake.lease import Lease
from streamer.intake.receive import MOST, Decoded, Receiver, decode_message
from streamer.intake.retry import Jitter, Retry
from streamer.intake.signals import (
    LeaseFailed,
    LeaseGone,
    LeaseTaken,
    MessageReceived,
    QueueFailed,
    QueueRead,
    SignalListener,
    Undecided,
)
from streamer.queue_tags import Tags
from streamer.telemetry.counters import Counters
from streamer.token_bucket import TokenBucket

logger = logging.getLogger(__name__)

LEASE_PAUSE: Final = 30.0
"""Maximum number of seconds between two attempts at a lease."""
RECEIVE_PAUSE: Final = 5.0
"""Maximum number of seconds between two failing receives."""
BRIEF: Final = 60_000
"""Milliseconds. If a lease is lost sooner, the next attempt waits, with exponential backoff, so that the service cannot
create and lose dozens of queues."""
RATE: Final = 18.0
BURST: Final = 20
"""Receives that bring fewer messages than a full batch: their average number per second while there are many messages,
and how many may follow each other at once after a quiet time. So there are at most 200 in any ten seconds. A receive
and its delete cost about the same for one message as for ten; a pause lets the next receive bring several. Delivery
flushes a little more often than RATE, so that a flush that had to wait does not make all later ones wait."""
RESCUES: Final = 20
"""Maximum number of receives that empty a queue before it is released."""


class HandOverError(StreamerError):
    """The consumer failed. The messages are not deleted, and SQS delivers them again."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """The settings of this container's queue, and the tables whose changes it delivers."""

    topic_arn: str
    prefix: str
    """Prefix of the queue's name."""
    sentiment_table: str
    users_table: str | None = None
    wait_seconds: int = 10
    """Wait time of a long poll."""
    heartbeat_interval: float = HEARTBEAT
    """Number of seconds between two updates of the heartbeat tag."""
    tags: Tags = ()
    """Further tags of the queue."""


class Push:
    """Delivers the topic's messages while `run` runs."""

    def __init__(
        self,
        settings: QueueSettings,
        consumer: MessageConsumer,
        listener: SignalListener,
        counters: Counters,
        *,
        connect: Callable[[int], QueueClients] = connect_queue,
        now: Callable[[], int] = wall_ms,
        jitter: Jitter = random.uniform,
    ) -> None:
        """`connect` is called in the worker's thread, with the wait time of long polls; `now` returns Unix
        milliseconds."""
        self._settings = settings
        self._consumer = consumer
        self._listener = listener
        self._counters = counters
        self._connect = connect
        self._now = now
        self._jitter = jitter
        self._worker = Worker("intake-push")
        self._pace = TokenBucket(RATE, BURST)
        retry = partial(Retry, jitter=jitter, now=now)
        self._leasing = retry("lease", longest_pause=LEASE_PAUSE, failed=self._lease_failed)
        self._holding = retry("hold the lease", longest_pause=LEASE_PAUSE, failed=self._hold_failed)
        self._receiving = retry("poll", longest_pause=RECEIVE_PAUSE, failed=self._receive_failed, passes=(LeaseLost,))
        self._clients: QueueClients | None = None
        self._acquiring: asyncio.Future[Lease] | None = None
        self._keepalive: Keepalive | None = None

    async def run(self) -> None:
        """Takes leases and receives until it is cancelled; then releases the lease, with two calls to AWS."""
        try:
            while True:
                await self._holding(self._hold)
        finally:
            await self._end()

    def check_soon(self) -> None:
        """Requests a check of the lease after the current receive. A lease that does not work is reported as lost and
        replaced."""
        if self._keepalive is not None:
            self._keepalive.check_soon()

    async def _hold(self) -> None:
        """Takes a lease and receives from its queue until it is lost. Raises LeaseLost if that was within BRIEF."""
        lease, clients = await self._leasing(self._take)
        try:
            self._holding.worked()
            logger.info("lease taken", extra={"queue": lease.name})
            self._listener.hear(LeaseTaken(lease.subscribed_at))
            reading = partial(Receiver, clients.sqs, lease.queue_url, now=self._now)
            receiver, last = reading(wait_seconds=self._settings.wait_seconds), reading(wait_seconds=0)
            keepalive = self._keepalive = Keepalive(
                lease, self._worker, interval=self._settings.heartbeat_interval, jitter=self._jitter, now=self._now
            )
            while True:
                await self._receiving(lambda: self._turn(keepalive, receiver, last))
        except LeaseLost as lost:
            logger.warning("lease lost", extra={"queue": lease.name, **log_fields(lost)})
            self._listener.hear(LeaseGone(describe(lost)))
            if self._now() - lease.subscribed_at < BRIEF:
                raise
        except asyncio.CancelledError:
            self._worker.abandon()  # a long poll may take longer than the stop
            raise
        finally:
            self._keepalive = None
            await self._release(lease)

    async def _take(self) -> tuple[Lease, QueueClients]:
        settings = self._settings
        if self._clients is None:
            self._clients = await self._worker(self._connect, settings.wait_seconds)
        acquire = partial(
            Lease.acquire,
            self._clients.sqs,
            self._clients.sns,
            settings.topic_arn,
            settings.prefix,
            wait_seconds=settings.wait_seconds,
            now=self._now,
            tags=dict(settings.tags),
        )
        acquiring = self._acquiring = asyncio.ensure_future(self._worker(acquire))
        # Shielded, so that a cancel does not lose the queue that is being created.
        lease = await asyncio.shield(acquiring)
        self._acquiring = None
        return lease, self._clients

    async def _turn(self, keepalive: Keepalive, receiver: Receiver, last: Receiver) -> None:
        """Renews the lease if that is due, then receives once. So a queue whose receives fail is still renewed."""
        try:
            await keepalive.attend()
        except LeaseLost as lost:
            if not is_missing_queue(lost.__cause__):
                await self._rescue(last)
            raise
        if 0 < await self._receive(receiver) < MOST:
            now = asyncio.get_running_loop().time()
            self._pace.take(now)
            if pause := self._pace.wait(now):
                await asyncio.sleep(pause)

    async def _rescue(self, receiver: Receiver) -> None:
        """Receives the messages that are left in a queue before it is released. Queries find the changes of the
        others."""
        try:
            for _ in range(RESCUES):
                if not await self._receive(receiver):
                    return
        except LeaseLost:
            return
        except Exception as error:
            logger.warning("the lost queue was not emptied", extra=log_fields(error))

    async def _receive(self, receiver: Receiver) -> int:
        """Receives, hands over and deletes messages. Returns their number."""
        self._counters.add("queue_requests")
        messages = await self._worker(self._read, receiver)
        undeleted = 0
        if messages:
            try:
                undecided = self._consumer.take(messages)
            except Exception as error:
                raise HandOverError(f"hand-over: {type(error).__name__}") from error
            self._report(messages)
            if undecided:
                self._listener.hear(Undecided(undecided))
            undeleted = await self._worker(receiver.delete, [one.message for one in messages])
        self._listener.hear(QueueRead(len(messages), undeleted))
        return len(messages)

    def _read(self, receiver: Receiver) -> list[Decoded]:
        """Called in the worker's thread."""
        sentiment_table, users_table = self._settings.sentiment_table, self._settings.users_table
        return [decode_message(message, sentiment_table, users_table) for message in receiver.receive()]

    def _report(self, messages: list[Decoded]) -> None:
        for _, content in messages:
            if isinstance(content, Batch):
                self._listener.hear(MessageReceived(content.relayed_at))
            elif isinstance(content, Canary):
                self._listener.hear(MessageReceived(content.sent_at))

    def _lease_failed(self, error: Exception) -> None:
        self._acquiring = None
        self._listener.hear(LeaseFailed(describe(error)))

    def _hold_failed(self, error: Exception) -> None:
        if not isinstance(error, LeaseLost):  # reported already
            self._listener.hear(LeaseFailed(describe(error)))

    def _receive_failed(self, error: Exception) -> None:
        self._listener.hear(QueueFailed(describe(error)))

    async def _end(self) -> None:
        if self._acquiring is not None:  # a stop came while a lease was being taken
            with suppress(Exception):
                await self._release(await self._acquiring)
        if self._clients is not None:
            self._clients.close()
        self._worker.close()

    async def _release(self, lease: Lease) -> None:
        try:
            await self._worker(lease.release)
        except Exception as error:
            logger.warning("lease not released", extra={"queue": lease.name, **log_fields(error)})
        else:
            logger.info("lease released", extra={"queue": lease.name})
