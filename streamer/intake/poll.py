"""Poll queries the table for new items, for contradictions to the hub's state, and for items from before the start.

    await a page of the query ─► consumer.observe ─► await a consistent read ─► consumer.observe ─► consumer.proved

While push is broken, the queries bring the changes. While push works, the queries check it and move the watermark.
Each query reads the items whose timestamp is in the look-back. After an outage it reads back to the start of the last
successful query, so that no item is left out. Single reads, the catch-up and the backfill are separate tasks: if one
fails, the others go on.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from streamer.aws.errors import describe
from streamer.change import LATENESS_MS, Key, iso_time
from streamer.clock import wall_ms
from streamer.errors import TableError
from streamer.intake.backfill import Backfill
from streamer.intake.consumer import RowConsumer
from streamer.intake.failover import Failover, PushState
from streamer.intake.retry import Jitter, Retry
from streamer.intake.signals import Queried, QueryFailed, SignalListener
from streamer.tables.sentiment import SentimentTable

if TYPE_CHECKING:
    from streamer.tables.index import Row

logger = logging.getLogger(__name__)

RETRY_PAUSE: Final = 5.0
"""Maximum number of seconds between two attempts at a failing query."""
FURTHEST_MS: Final = 86_400_000
"""Maximum time span of a query after an outage, in milliseconds."""
MOST_ASKED: Final = 10_000
"""Maximum number of items that wait for a consistent read. The next query finds those that were dropped."""
GRACE: Final = 2.0
"""Number of seconds for which a query's rows are held while push is trusted. Push delivers the changes first, with all
versions; a query knows only the last version."""

_CHUNK = 500  # rows that are handed over in one step of the event loop
_ROUNDS = 5  # attempts at an item that changes while it is read
_STEP_PAUSE = 0.5  # seconds between two requests of the backfill
_OTHER_PAUSE = 3.0  # maximum seconds between two attempts of the other tasks
_MOST_MISSING = 100


@dataclass(frozen=True, slots=True)
class PollSettings:
    """All in seconds."""

    interval: float = 5
    """Interval of the queries while push is not trusted."""
    verify_interval: float = 15
    """Interval of the queries while push is trusted."""
    lookback: float = 180
    catchup: float = 3_600
    """Time span of the query on the return to push; 0 if there is no push."""
    window: float = 86_400
    """Time span of the backfill for the counts. The backfill covers the catch-up in any case."""
    margin: float = 10
    """Upper bound of index lag and clock skew together."""
    ready_after: float = 10
    """Time after which the service is ready although no query has succeeded."""


class Poll:
    """Queries the table while `run` runs."""

    def __init__(
        self,
        table: SentimentTable,
        consumer: RowConsumer,
        listener: SignalListener,
        failover: Failover,
        settings: PollSettings,
        *,
        now: Callable[[], int] = wall_ms,
        jitter: Jitter = random.uniform,
    ) -> None:
        """`failover` says how far push is trusted. `now` returns Unix milliseconds."""
        self._table = table
        self._consumer = consumer
        self._listener = listener
        self._failover = failover
        self._settings = settings
        self._now = now
        self._jitter = jitter
        retry = partial(Retry, jitter=jitter, now=now)
        self._querying = retry(f"query of {table.name}", longest_pause=RETRY_PAUSE, failed=self._query_failed)
        self._rereading = retry(f"consistent read of {table.name}", longest_pause=_OTHER_PAUSE)
        self._catching_up = retry("catch-up", longest_pause=_OTHER_PAUSE)
        self._filling = retry("backfill", longest_pause=_OTHER_PAUSE)
        self._backfill = Backfill(
            table, consumer, catchup_ms=round(settings.catchup * 1000), window_ms=round(settings.window * 1000)
        )
        self._wake = asyncio.Event()
        self._asked: OrderedDict[Key, None] = OrderedDict()
        self._asked_for = asyncio.Event()
        self._behind = asyncio.Event()  # a catch-up is due
        self._knows_catchup = asyncio.Event()
        self._proved_once = asyncio.Event()
        self._queues = self._known_queues = 0
        self._judges = False  # the items of the last query were written after the queue was created
        self._proved_ms: int | None = None
        self._queried_ms = 0  # start of the time span of the first query
        self._fetched: Sequence[Key] = ()

    async def run(self) -> None:
        """Queries until it is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for task in (self._query_for_ever, self._read_what_is_asked, self._catch_up_when_behind, self._fill):
                tasks.create_task(task(), name=f"poll {task.__name__}")

    @property
    def verifies(self) -> bool:
        """Whether push is trusted, so that the queries only verify it."""
        return self._failover.push is PushState.PROVEN

    @property
    def asked(self) -> int:
        """Number of items that wait for a consistent read. At most MOST_ASKED."""
        return len(self._asked)

    def interval(self) -> float:
        """Returns the number of seconds between two queries in the current state of push."""
        return self._settings.verify_interval if self.verifies else self._settings.interval

    def soon(self) -> None:
        """Starts the next query now, unless the last one failed."""
        self._wake.set()

    def queue_taken(self) -> None:
        """Called when a queue was created. The queue does not deliver earlier changes, so they do not count as
        missed."""
        self._queues += 1
        self.soon()

    def catch_up(self) -> None:
        """Starts one query over a longer time span, for items that were scored late while push was broken."""
        self._behind.set()

    def read_soon(self, keys: Iterable[Key]) -> None:
        """Starts a consistent read of these items."""
        for key in keys:
            self._asked[key] = None
        self._drop_oldest()
        self._asked_for.set()

    def _drop_oldest(self) -> None:
        while len(self._asked) > MOST_ASKED:
            self._asked.popitem(last=False)

    async def _query_for_ever(self) -> None:
        while True:
            await self._querying(self._query)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.interval() * self._jitter(0.9, 1.1)):
                    await self._wake.wait()

    async def _query(self) -> None:
        """One query of the look-back, until everything it found is published or known. Raises TableError."""
        self._wake.clear()
        began_ms = self._now()
        since_ms = began_ms - round(self._settings.lookback * 1000)
        if self._proved_ms is not None:
            since_ms = min(since_ms, self._proved_ms - LATENESS_MS - round(self._settings.margin * 1000))
        since_ms = max(since_ms, began_ms - FURTHEST_MS)
        queues = self._queues
        # The queue does not deliver changes from before it was created.
        unexpected = self._failover.alone or queues != self._known_queues or self._proved_ms is None
        grace = GRACE if self._failover.push is PushState.PROVEN else 0.0
        fetched = await self._take(began_ms, since_ms, grace)
        missed = self._consumer.proved(began_ms, since_ms, () if unexpected else self._fetched)
        judges, self._judges = self._judges and not unexpected, not unexpected
        self._fetched = () if unexpected else fetched
        self._known_queues = queues
        if self._proved_ms is None:
            self._queried_ms = since_ms
            self._proved_once.set()
        self._proved_ms = began_ms
        logger.debug("table queried", extra={"began_ms": began_ms, "fetched": len(fetched), "missed": missed})
        self._listener.hear(Queried(began_ms, missed, len(fetched), judges))

    async def _take(self, began_ms: int, since_ms: int, grace: float = 0.0) -> list[Key]:
        """Queries all items after a time, hands them over, and reads contradictions consistently. Returns the new
        items."""
        since, as_of = iso_time(since_ms), self._consumer.revision()
        again: list[Key] = []
        fetched: list[Key] = []
        found: set[Key] = set()
        held: list[list[Row]] = []
        # Hands over page by page, so that a long time span needs memory for the keys only; a held page waits for push.
        async for rows in self._table.pages_after(since):
            found.update(key for key, _ in rows)
            if grace:
                held.append(rows)
            else:
                await self._hand_over(rows, began_ms, as_of, again, fetched)
        if grace:
            await asyncio.sleep(grace)
            for rows in held:
                await self._hand_over(rows, began_ms, as_of, again, fetched)
        again += self._consumer.missing(found, since=since, began_ms=began_ms)[:_MOST_MISSING]
        fetched += await self._settle(again)
        return fetched

    async def _hand_over(
        self, rows: Sequence[Row], began_ms: int, as_of: int, again: list[Key], fetched: list[Key]
    ) -> None:
        for start in range(0, len(rows), _CHUNK):
            if start:
                await asyncio.sleep(0)  # others may run between two chunks
            chunk = rows[start : start + _CHUNK]
            observed = self._consumer.observe(chunk, began_ms=began_ms, as_of=as_of, consistent=False)
            again += observed.read_again
            fetched += observed.fetched

    async def _settle(self, keys: Collection[Key]) -> list[Key]:
        """Reads items consistently until the order of all of them is known. Returns the new items."""
        fetched: list[Key] = []
        for _ in range(_ROUNDS):
            if not keys:
                return fetched
            began_ms, as_of = self._now(), self._consumer.revision()
            rows = await self._table.read(keys)
            observed = self._consumer.observe(rows, began_ms=began_ms, as_of=as_of, consistent=True)
            keys = observed.read_again
            fetched += observed.fetched
        if keys:
            raise TableError(f"{len(keys)} items change while they are read")
        return fetched

    async def _read_what_is_asked(self) -> None:
        while True:
            await self._asked_for.wait()
            await self._rereading(self._read_asked)

    async def _read_asked(self) -> None:
        self._asked_for.clear()
        keys, self._asked = self._asked, OrderedDict()
        try:
            await self._settle(keys)
        except Exception:
            self._asked = keys | self._asked
            self._drop_oldest()
            raise

    async def _catch_up_when_behind(self) -> None:
        await self._knows_catchup.wait()
        while True:
            await self._behind.wait()
            self._behind.clear()
            await self._catching_up(self._catch_up)

    async def _catch_up(self) -> None:
        began_ms = self._now()
        fetched = await self._take(began_ms, began_ms - round(self._settings.catchup * 1000))
        logger.info("caught up", extra={"seconds": self._settings.catchup, "items": len(fetched)})

    async def _fill(self) -> None:
        await self._proved_once.wait()
        while not self._backfill.done:
            await self._filling(lambda: self._backfill.step(self._now(), self._queried_ms))
            if self._backfill.knows_catchup:
                self._knows_catchup.set()
            await asyncio.sleep(_STEP_PAUSE)

    def _query_failed(self, error: Exception) -> None:
        self._listener.hear(QueryFailed(describe(error)))
