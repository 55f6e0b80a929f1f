"""The configurations that this container's streams show, and how each change of one reaches its streams.

Every stream that opens is preceded by a consistent read of its one key, also where others show the configuration
already: a configuration that was disabled a moment ago is a 404, whatever push has brought so far. Who asks while that
read is under way gets its answer, so that the reconnects of a whole container cost one read for each configuration. If
the table does not answer, what somebody watches is shown to others, too: it is as fresh as theirs.

Then changes come by push (`told`), in well under a second; and with each query of the sentiment table `check` reads
all that are shown, in batches: in poll mode that is how changes come, in push mode the proof that none was missed. Up
to when there is proof for all of them bounds what places claim (`proved_ms`; see FilterSince).
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from streamer.clock import wall_ms
from streamer.configuration import Configuration, Notice
from streamer.errors import TableError
from streamer.hub.hub import Hub
from streamer.hub.watch import ConfigurationKey, Memory, Verdict, Watch
from streamer.streams.delivery import Delivery
from streamer.streams.stream import OpenStream
from streamer.telemetry.counters import Counters

logger = logging.getLogger(__name__)

PAUSE: Final = 10.0
"""Seconds after a check that failed in which none is tried, at most: the polling thread has other things to do."""

_ROUNDS = 4  # reads of a configuration that is written while it is read
_REMEMBERED = 10_000

Call = Callable[[Callable[[], Any]], Any]
"""Runs a step in the event loop, and returns what it returns."""


@dataclass(slots=True, eq=False)
class _Reading:
    """A read under way."""

    task: asyncio.Task[None] | None = None
    waiting: int = 0
    doubted: bool = False
    """Something was told meanwhile that it may not know."""
    watch: Watch[OpenStream] | None = None
    """What came of it; claimed for each that waits."""


class Watching:
    """Lives in the event loop, but for `check`. Not thread-safe."""

    def __init__(
        self,
        get: Callable[[str, str], Awaitable[Configuration | None]],
        read: Callable[[Iterable[ConfigurationKey]], Mapping[ConfigurationKey, Configuration | None]],
        hub: Hub[OpenStream],
        delivery: Delivery,
        counters: Counters,
        *,
        margin_ms: int = 10_000,
        now_ms: Callable[[], int] = wall_ms,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`get` reads one for the event loop, `read` many and blocks; both consistently, and may raise TableError."""
        self._get = get
        self._read = read
        self._hub = hub
        self._delivery = delivery
        self._counters = counters
        self._margin_ms = margin_ms
        self._now_ms = now_ms
        self._clock = clock
        self._jitter = jitter
        self._watches: dict[ConfigurationKey, Watch[OpenStream]] = {}
        self._readings: dict[ConfigurationKey, _Reading] = {}
        self._left: OrderedDict[ConfigurationKey, Memory] = OrderedDict()
        self._check_at = float("-inf")

    async def enter(self, user_id: str, config_id: str) -> Watch[OpenStream] | None:
        """The configuration for a request that wants to show it, until it gives it back; None: there is none. Raises
        TableError."""
        key = user_id, config_id
        reading = self._readings.get(key) or self._begin(key)
        assert reading.task is not None  # noqa: S101 - it is made with its task
        reading.waiting += 1
        try:
            await asyncio.shield(reading.task)
        except TableError:
            watch = self._watches.get(key)
            if watch is None:
                raise
            watch.claims += 1
        except asyncio.CancelledError:
            reading.waiting -= 1
            if reading.watch is not None:
                self.leave(reading.watch)
            raise
        else:
            watch = reading.watch
        if watch is not None and watch.shows is None:
            self.leave(watch)
            return None
        return watch

    def told(self, notices: Iterable[Notice]) -> None:
        """What push brought, in order."""
        for notice in notices:
            key = notice.user_id, notice.config_id
            reading, watch = self._readings.get(key), self._watches.get(key)
            if reading is not None:
                reading.doubted = True
            if watch is not None:
                self._act(watch, watch.told(notice, now_ms=self._now_ms(), newest=self._hub.newest))

    def proved_ms(self) -> int | None:
        """Up to when all that is shown is known to be so, Unix milliseconds; None: nothing is shown."""
        return min((watch.read_ms for watch in self._watches.values() if watch.shows is not None), default=None)

    def check(self, call: Call) -> None:
        """Reads all that are shown, and hands over what they are. Called by the polling thread; blocks for as long as
        the table takes, and tells by itself of a failure."""
        if self._clock() < self._check_at:
            return
        keys: list[ConfigurationKey] = call(self._open)
        if not keys:
            return
        began_ms = self._now_ms()
        try:
            found = self._read(keys)
        except TableError as error:
            self._check_at = self._clock() + PAUSE * self._jitter(0.5, 1.0)
            failure = error
            call(lambda: self._failed(failure, len(keys)))
        else:
            call(lambda: self._checked(found, began_ms))

    def _open(self) -> list[ConfigurationKey]:
        return [key for key, watch in self._watches.items() if watch.shows is not None]

    def _checked(self, found: Mapping[ConfigurationKey, Configuration | None], began_ms: int) -> None:
        self._counters.add("configurations_read", len(found))
        for key, configuration in found.items():
            watch = self._watches.get(key)
            if watch is not None:
                self._take(watch, configuration, began_ms, overtaken=watch.heard_ms >= began_ms)

    def _failed(self, error: TableError, configurations: int) -> None:
        self._counters.add("configurations_failed", configurations)
        logger.warning("configurations not read", extra={"configurations": configurations, "error": str(error)})

    def _begin(self, key: ConfigurationKey) -> _Reading:
        reading = self._readings[key] = _Reading()
        reading.task = asyncio.ensure_future(self._settle(key, reading))
        reading.task.add_done_callback(_seen)
        return reading

    async def _settle(self, key: ConfigurationKey, reading: _Reading) -> None:
        """Reads one until nothing was told meanwhile that the read may not know."""
        try:
            for _ in range(_ROUNDS):
                reading.doubted = False
                began_ms = self._now_ms()
                self._counters.add("configurations_read")
                configuration = await self._get(*key)
                if reading.doubted or self._hub.watermark_ms > began_ms - self._margin_ms:
                    continue
                watch = self._watches.get(key)
                if watch is not None:
                    self._take(watch, configuration, began_ms, overtaken=False)
                elif reading.waiting and configuration is not None and configuration.shows is not None:
                    watch = self._watches[key] = Watch.begin(
                        key,
                        configuration,
                        began_ms=began_ms,
                        now_ms=self._now_ms(),
                        newest=self._hub.newest,
                        before=self._left.pop(key, None),
                    )
                if watch is not None:
                    reading.watch = watch
                    watch.claims += reading.waiting
                return
            raise TableError("a configuration changes while it is read")
        except TableError as error:
            self._failed(error, 1)
            raise
        finally:
            del self._readings[key]

    def _take(
        self, watch: Watch[OpenStream], configuration: Configuration | None, began_ms: int, *, overtaken: bool
    ) -> None:
        verdict = watch.found(
            configuration, began_ms=began_ms, overtaken=overtaken, now_ms=self._now_ms(), newest=self._hub.newest
        )
        self._act(watch, verdict)

    def _act(self, watch: Watch[OpenStream], verdict: Verdict) -> None:
        if verdict is Verdict.READ:
            if watch.key not in self._readings:
                self._begin(watch.key)
        elif verdict is Verdict.CHANGED:
            self._counters.add("configurations_changed")
            for stream in list(watch.streams):
                if watch.shows is None:
                    self._delivery.end(stream, "configuration_gone")
                else:
                    self._delivery.refilter(stream, replace(stream.wanted, tickers=watch.shows))

    def leave(self, watch: Watch[OpenStream]) -> None:
        """The request has ended."""
        watch.claims -= 1
        if not watch.claims:
            del self._watches[watch.key]
            self._left[watch.key] = watch.memory()
            if len(self._left) > _REMEMBERED:
                self._left.popitem(last=False)


def _seen(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        task.exception()  # everybody who asked may have left
