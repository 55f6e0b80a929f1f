"""The configurations that open streams of this container show, and the delivery of their changes to these streams.

Before a stream opens, `enter` reads its configuration consistently, even if another stream shows it already: so a
request for a configuration that was disabled a moment ago gets a 404. Requests that arrive during such a read share its
result, so that simultaneous reconnects cost one read for each configuration. If the read fails, a configuration
that another stream shows is used as it is known.

While streams are open, push brings changes (`received`), and `run` reads the configurations consistently. While push is
not trusted, these reads bring the changes: each reads all configurations, as often as the sentiment table is queried.
While push is trusted, the reads only prove that no change was missed: they go round, and read each configuration at
least once in ROTATION. The start of the last read of a configuration limits the claims of the places on its streams,
and on no others (Hub.encode).
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from streamer.clock import wall_ms
from streamer.configuration import Configuration, Notice
from streamer.errors import TableError
from streamer.hub.hub import Hub
from streamer.hub.subscription import ConfigurationKey, ConfigurationSubscription, Consequence, SubscriptionMemory
from streamer.intake.poll import Poll
from streamer.intake.retry import Jitter, Retry
from streamer.streams.delivery import Delivery
from streamer.streams.stream import OpenStream
from streamer.tables.configurations import ConfigurationTable
from streamer.telemetry.counters import Counters

logger = logging.getLogger(__name__)

LONGEST_PAUSE: Final = 10.0
"""Maximum number of seconds between two attempts at a check that fails."""

REMEMBERED: Final = 10_000
"""Number of configurations that are remembered after their last stream has ended."""
ROTATION: Final = 300.0
"""Maximum number of seconds between two reads of a configuration while push is trusted, if the interval of the queries
is shorter than a third of it."""

_ROUNDS = 4  # reads of a configuration that is written while it is read


@dataclass(slots=True, eq=False)
class _Reading:
    """A read of one configuration, shared by the requests that wait for it."""

    task: asyncio.Task[None] | None = None
    waiting: int = 0
    outdated: bool = False
    """A notice arrived during the read, so the result may be older than the notice."""
    subscription: ConfigurationSubscription[OpenStream] | None = None
    """The result, with one claim for each waiting request."""


class ConfigurationSubscriptions:
    """Runs in the event loop."""

    def __init__(
        self,
        table: ConfigurationTable,
        hub: Hub[OpenStream],
        delivery: Delivery,
        counters: Counters,
        *,
        now_ms: Callable[[], int] = wall_ms,
        jitter: Jitter = random.uniform,
        rotation: float = ROTATION,
    ) -> None:
        self._table = table
        self._hub = hub
        self._delivery = delivery
        self._counters = counters
        self._now_ms = now_ms
        self._jitter = jitter
        self._rotation = rotation
        # In the order of their last reads.
        self._subscriptions: dict[ConfigurationKey, ConfigurationSubscription[OpenStream]] = {}
        self._readings: dict[ConfigurationKey, _Reading] = {}
        self._left: OrderedDict[ConfigurationKey, SubscriptionMemory] = OrderedDict()
        self._wake = asyncio.Event()
        self._checked_ms = now_ms()
        self._credit = 0.0
        """Number of reads that the rotation may make, with the fraction that was left by the last check."""
        self._checking = Retry(
            f"check of configurations in {table.name}", longest_pause=LONGEST_PAUSE, jitter=jitter, now=now_ms
        )

    async def enter(self, user_id: str, config_id: str) -> ConfigurationSubscription[OpenStream] | None:
        """Reads a configuration for a request that shows it until `leave`. Returns None if there is none. Raises
        TableError."""
        key = user_id, config_id
        reading = self._readings.get(key) or self._begin(key)
        assert reading.task is not None  # noqa: S101 - it is made with its task
        reading.waiting += 1
        try:
            await asyncio.shield(reading.task)
        except TableError:
            subscription = self._subscriptions.get(key)
            if subscription is None:
                raise
            subscription.claims += 1
        except asyncio.CancelledError:
            reading.waiting -= 1
            if reading.subscription is not None:
                self.leave(reading.subscription)
            raise
        else:
            subscription = reading.subscription
        if subscription is not None and subscription.shows is None:
            self.leave(subscription)
            return None
        return subscription

    def received(self, notices: Iterable[Notice]) -> None:
        """Applies notices that push brought, in their order."""
        for notice in notices:
            key = notice.user_id, notice.config_id
            reading, subscription = self._readings.get(key), self._subscriptions.get(key)
            if reading is not None:
                reading.outdated = True
            if subscription is not None:
                self._act(subscription, subscription.received(notice, now_ms=self._now_ms(), newest=self._hub.newest))

    @property
    def proved_ms(self) -> int | None:
        """Time (Unix milliseconds) at which the oldest of the newest reads of the configurations began. None: open
        streams show no configuration."""
        return next((each.read_ms for each in self._subscriptions.values() if each.shows is not None), None)

    @property
    def shown(self) -> int:
        """Number of configurations that open streams show."""
        return len(self._subscriptions)

    @property
    def remembered(self) -> int:
        """Number of configurations without streams that are remembered."""
        return len(self._left)

    def check_soon(self) -> None:
        """Starts the next check now, unless the last one failed."""
        self._wake.set()

    async def run(self, poll: Poll) -> None:
        """Checks the configurations at the interval of the table query, until it is cancelled."""
        while True:
            self._wake.clear()
            await self._checking(lambda: self.check(poll.interval() if poll.verifies else None))
            with suppress(TimeoutError):
                async with asyncio.timeout(poll.interval() * self._jitter(0.9, 1.1)):
                    await self._wake.wait()

    async def check(self, interval: float | None = None) -> None:
        """Reads the configurations of open streams, and applies their changes: all of them, or, if there are checks
        every `interval` seconds, those whose turn it is. Raises TableError."""
        began_ms = self._now_ms()
        credit = 0.0
        if interval is None:
            keys = [key for key, subscription in self._subscriptions.items() if subscription.shows is not None]
        else:
            around = max(interval, self._rotation - 2 * interval)  # two checks less, because the intervals vary
            credit = self._credit + len(self._subscriptions) * (began_ms - self._checked_ms) / 1000 / around
            keys = self._due(int(credit), began_ms - round(around * 1000))
            credit = max(0.0, credit - len(keys))
        if keys:
            await self._read_all(keys, began_ms)
        self._checked_ms, self._credit = began_ms, credit

    def _due(self, count: int, before_ms: int) -> list[ConfigurationKey]:
        """Returns the configurations that were read longest ago: so many, and all that were read before this time."""
        keys: list[ConfigurationKey] = []
        for key, subscription in self._subscriptions.items():
            if subscription.shows is None:
                continue
            if len(keys) >= count and subscription.read_ms > before_ms:
                break
            keys.append(key)
        return keys

    async def _read_all(self, keys: list[ConfigurationKey], began_ms: int) -> None:
        try:
            found = await self._table.read(keys)
        except TableError:
            self._counters.add("configurations_failed", len(keys))
            raise
        self._counters.add("configurations_read", len(found))
        for key, configuration in found.items():
            subscription = self._subscriptions.get(key)
            if subscription is not None:
                self._take(subscription, configuration, began_ms, overtaken=subscription.notified_ms >= began_ms)

    def _begin(self, key: ConfigurationKey) -> _Reading:
        reading = self._readings[key] = _Reading()
        reading.task = asyncio.ensure_future(self._read(key, reading))
        reading.task.add_done_callback(_retrieve)
        return reading

    async def _read(self, key: ConfigurationKey, reading: _Reading) -> None:
        """Reads a configuration, again if a notice arrives during the read."""
        try:
            for _ in range(_ROUNDS):
                reading.outdated = False
                began_ms = self._now_ms()
                self._counters.add("configurations_read")
                configuration = await self._table.get(*key)
                if reading.outdated:
                    continue
                subscription = self._subscriptions.get(key)
                if subscription is not None:
                    self._take(subscription, configuration, began_ms, overtaken=False)
                elif reading.waiting and configuration is not None and configuration.shows is not None:
                    subscription = self._subscriptions[key] = ConfigurationSubscription.begin(
                        key,
                        configuration,
                        began_ms=began_ms,
                        now_ms=self._now_ms(),
                        newest=self._hub.newest,
                        before=self._left.pop(key, None),
                    )
                if subscription is not None:
                    reading.subscription = subscription
                    subscription.claims += reading.waiting
                return
            raise TableError("a configuration changes while it is read")
        except TableError as error:
            self._counters.add("configurations_failed")
            extra = {"table": self._table.name, "error": str(error)}
            logger.warning("configuration not read", extra=extra)
            raise
        finally:
            del self._readings[key]

    def _take(
        self,
        subscription: ConfigurationSubscription[OpenStream],
        configuration: Configuration | None,
        began_ms: int,
        *,
        overtaken: bool,
    ) -> None:
        consequence = subscription.found(
            configuration, began_ms=began_ms, overtaken=overtaken, now_ms=self._now_ms(), newest=self._hub.newest
        )
        if subscription.read_ms == began_ms:
            self._subscriptions[subscription.key] = self._subscriptions.pop(subscription.key)
        self._act(subscription, consequence)

    def _act(self, subscription: ConfigurationSubscription[OpenStream], consequence: Consequence) -> None:
        if consequence is Consequence.READ:
            if subscription.key not in self._readings:
                self._begin(subscription.key)
        elif consequence is Consequence.CHANGED:
            self._counters.add("configurations_changed")
            for stream in list(subscription.streams):
                if subscription.shows is None:
                    self._delivery.end(stream, "configuration_gone")
                else:
                    self._delivery.refilter(stream, stream.filter.of(subscription))

    def leave(self, subscription: ConfigurationSubscription[OpenStream]) -> None:
        """Called when the request ends."""
        subscription.claims -= 1
        if not subscription.claims:
            del self._subscriptions[subscription.key]
            self._left[subscription.key] = subscription.memory()
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)


def _retrieve(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # all waiting requests may have ended
