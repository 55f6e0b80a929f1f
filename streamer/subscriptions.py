"""The configurations that this container's streams show, and how each change of one reaches its streams.

Every stream that opens is preceded by a consistent read of its one key, also where others show the configuration
already: a configuration that was disabled a moment ago is a 404, whatever push has brought so far. Who asks while that
read is under way gets its answer, so that the reconnects of a whole container cost one read for each configuration. If
the table does not answer, what somebody watches is shown to others, too: it is as fresh as theirs.

Then changes come by push (`received`), in well under a second; and with each query of the sentiment table `check` reads
all that are shown, in batches: in poll mode that is how changes come, in push mode the proof that none was missed. Up
to when there is proof for all of them bounds what places claim (`proved_ms`; see FilterSince).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from streamer.clock import wall_ms
from streamer.configuration import Configuration, Notice
from streamer.errors import TableError
from streamer.hub.hub import Hub
from streamer.hub.subscription import ConfigurationKey, ConfigurationSubscription, Consequence, SubscriptionMemory
from streamer.streams.delivery import Delivery
from streamer.streams.stream import OpenStream
from streamer.tables.configurations import ConfigurationTable
from streamer.telemetry.counters import Counters

logger = logging.getLogger(__name__)

PAUSE: Final = 10.0
"""Seconds after a check that failed in which none is tried, at most: the queries that it goes with have other things to
do."""

_ROUNDS = 4  # reads of a configuration that is written while it is read
_REMEMBERED = 10_000


@dataclass(slots=True, eq=False)
class _Reading:
    """A read under way."""

    task: asyncio.Task[None] | None = None
    waiting: int = 0
    doubted: bool = False
    """A notice came meanwhile that it may not know."""
    subscription: ConfigurationSubscription[OpenStream] | None = None
    """What came of it; claimed for each that waits."""


class ConfigurationSubscriptions:
    """Lives in the event loop."""

    def __init__(
        self,
        table: ConfigurationTable,
        hub: Hub[OpenStream],
        delivery: Delivery,
        counters: Counters,
        *,
        margin_ms: int = 10_000,
        now_ms: Callable[[], int] = wall_ms,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._table = table
        self._hub = hub
        self._delivery = delivery
        self._counters = counters
        self._margin_ms = margin_ms
        self._now_ms = now_ms
        self._clock = clock
        self._jitter = jitter
        self._subscriptions: dict[ConfigurationKey, ConfigurationSubscription[OpenStream]] = {}
        self._readings: dict[ConfigurationKey, _Reading] = {}
        self._left: OrderedDict[ConfigurationKey, SubscriptionMemory] = OrderedDict()
        self._check_at = float("-inf")

    async def enter(self, user_id: str, config_id: str) -> ConfigurationSubscription[OpenStream] | None:
        """The configuration for a request that wants to show it, until it gives it back; None: there is none. Raises
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
        """Takes in what push brought, in order."""
        for notice in notices:
            key = notice.user_id, notice.config_id
            reading, subscription = self._readings.get(key), self._subscriptions.get(key)
            if reading is not None:
                reading.doubted = True
            if subscription is not None:
                self._act(subscription, subscription.received(notice, now_ms=self._now_ms(), newest=self._hub.newest))

    def proved_ms(self) -> int | None:
        """Up to when all that is shown is known to be so, Unix milliseconds; None: nothing is shown."""
        return min(
            (subscription.read_ms for subscription in self._subscriptions.values() if subscription.shows is not None),
            default=None,
        )

    async def check(self) -> None:
        """Reads all that are shown, and takes in what they are. Counts and logs a failure itself; then pauses."""
        if self._clock() < self._check_at:
            return
        keys = [key for key, subscription in self._subscriptions.items() if subscription.shows is not None]
        if not keys:
            return
        began_ms = self._now_ms()
        try:
            found = await self._table.read(keys)
        except TableError as error:
            self._check_at = self._clock() + PAUSE * self._jitter(0.5, 1.0)
            self._failed(error, len(keys))
        else:
            self._checked(found, began_ms)

    def _checked(self, found: Mapping[ConfigurationKey, Configuration | None], began_ms: int) -> None:
        self._counters.add("configurations_read", len(found))
        for key, configuration in found.items():
            subscription = self._subscriptions.get(key)
            if subscription is not None:
                self._take(subscription, configuration, began_ms, overtaken=subscription.notified_ms >= began_ms)

    def _failed(self, error: TableError, configurations: int) -> None:
        self._counters.add("configurations_failed", configurations)
        logger.warning("configurations not read", extra={"configurations": configurations, "error": str(error)})

    def _begin(self, key: ConfigurationKey) -> _Reading:
        reading = self._readings[key] = _Reading()
        reading.task = asyncio.ensure_future(self._settle(key, reading))
        reading.task.add_done_callback(_seen)
        return reading

    async def _settle(self, key: ConfigurationKey, reading: _Reading) -> None:
        """Reads one until no notice came meanwhile that the read may not know."""
        try:
            for _ in range(_ROUNDS):
                reading.doubted = False
                began_ms = self._now_ms()
                self._counters.add("configurations_read")
                configuration = await self._table.get(*key)
                if reading.doubted or self._hub.watermark_ms > began_ms - self._margin_ms:
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
            self._failed(error, 1)
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
                    self._delivery.refilter(stream, replace(stream.filter, tickers=subscription.shows))

    def leave(self, subscription: ConfigurationSubscription[OpenStream]) -> None:
        """The request has ended."""
        subscription.claims -= 1
        if not subscription.claims:
            del self._subscriptions[subscription.key]
            self._left[subscription.key] = subscription.memory()
            if len(self._left) > _REMEMBERED:
                self._left.popitem(last=False)


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # everybody who asked may have left
