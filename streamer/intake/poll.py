"""The thread that asks the table: what is new, what contradicts the hub, and what was there before the start.

While push is broken its queries bring the changes; while push works they check it, and prove up to when nothing is
missing. Each query reads the items of the look-back by their timestamp; after an outage it reaches back to where the
last one left off, so that nothing falls between two of them.
"""

from __future__ import annotations

import logging
import math
import random
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from streamer.change import LATENESS_MS, Key, iso_time
from streamer.clock import wall_ms
from streamer.errors import TableError
from streamer.intake import trouble
from streamer.intake.retry import SAID_AGAIN, Retry, Stopped
from streamer.intake.signals import Queried, QueryFailed, Signal
from streamer.intake.survey import Spans, Survey
from streamer.intake.walk import Walk

if TYPE_CHECKING:
    from streamer.tables.sentiment import Row, SentimentTable

logger = logging.getLogger(__name__)

RETRY_PAUSE: Final = 5.0
"""Seconds between two attempts at a query that fails, at most."""
FURTHEST_MS: Final = 86_400_000
"""Milliseconds that a query reaches back at most, after an outage."""

_CHUNK = 500  # rows handed over in one step of the event loop
_ROUNDS = 5  # consistent reads of an item that moves on while it is read
_STEP_PAUSE = 0.5  # seconds between two requests of the walk back
_AGAIN = 3.0  # seconds after which a job on the side that failed is tried again, at most
_MOST_VANISHED = 100
_MOST_ASKED = 10_000


class Poll:
    """Queries the table as long as it runs. Started and stopped once."""

    def __init__(
        self,
        connect: Callable[[threading.Event], SentimentTable],
        survey: Survey,
        signal: Callable[[Signal], None],
        *,
        interval: Callable[[], float],
        spans: Spans,
        grace: Callable[[], float] = lambda: 0.0,
        margin: float = 10,
        leased: threading.Event | None = None,
        alone: bool = False,
        beside: Callable[[], None] | None = None,
        lease_wait: float = 2.0,
        now: Callable[[], int] = wall_ms,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[float, float], float] = random.uniform,
    ) -> None:
        """`connect`, `survey`, `signal` and `interval` are called in the thread; `signal` must not block.

        `connect` makes the table's reader, which gives up its pauses when the event is set. `interval`: seconds to the
        next query, as things stand; `grace`: seconds that push then has to bring what a query found, so that the check
        does not overtake it and leave out versions. The first one waits `lease_wait` seconds for `leased`, so that the
        queue stands before it. `alone`: there is no queue, so nothing that a query finds is missed by one. `beside` is
        called after each attempt at a query, before the hub hears what is proven by it; it deals with its failures
        itself. `now` is in Unix milliseconds, `clock` in monotonic seconds, `margin` in seconds.
        """
        self._connect = connect
        self._survey = survey
        self._signal = signal
        self._interval = interval
        self._grace = grace
        self._spans = spans
        self._margin_ms = round(margin * 1000)
        self._leased = leased
        self._alone = alone
        self._beside = beside
        self._lease_wait = lease_wait
        self._now = now
        self._clock = clock
        self._jitter = jitter
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._asked: OrderedDict[Key, None] = OrderedDict()
        self._soon = False
        self._queues = self._known_queues = 0
        self._judges = False  # what the last query brought was written since there is this queue
        self._behind = False  # a catch-up is wanted
        self._querying = Retry(
            "table query",
            longest_pause=RETRY_PAUSE,
            stopping=self._stopping,
            jitter=jitter,
            now=now,
            failed=lambda words, error: self._tell(QueryFailed(words)),
        )
        self._table: SentimentTable | None = None
        self._proved_ms: int | None = None
        self._fetched: Sequence[Key] = ()
        self._queried_ms = 0  # since when the first query answers
        self._walk = Walk(survey, spans)
        self._side_due: dict[str, float] = {}  # when a job on the side may be next: its own failures delay it alone
        self._side_said: dict[str, tuple[str, int]] = {}  # what was logged last of each, and when
        self._thread = threading.Thread(target=self._run, name="intake-poll", daemon=True)

    def start(self) -> None:
        """Returns at once."""
        self._thread.start()

    def stop(self, timeout: float) -> bool:
        """Ends the thread, or leaves it to its last answer, which nobody hears, after `timeout` seconds."""
        self._stopping.set()
        self._wake.set()
        if self._leased is not None:
            self._leased.set()
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def soon(self) -> None:
        """The next query is due now. From any thread."""
        self._soon = True
        self._wake.set()

    def queue_taken(self) -> None:
        """There is a new queue: what was written before is not to be expected of it. From any thread."""
        self._queues += 1
        self.soon()

    def catch_up(self) -> None:
        """One query over a longer time is due: push brings changes again, and what was late meanwhile is missing."""
        self._behind = True
        self._wake.set()

    def read_soon(self, keys: Iterable[Key]) -> None:
        """Reads these items consistently, and hands over what they are. From any thread."""
        with self._lock:
            for key in keys:
                self._asked[key] = None
            while len(self._asked) > _MOST_ASKED:
                self._asked.popitem(last=False)
        self._wake.set()

    def _run(self) -> None:
        if self._leased is not None:
            self._leased.wait(self._lease_wait)
        due, fails = self._clock(), False
        with suppress(Stopped):  # the one way out
            while not self._stopping.is_set():
                self._wake.clear()
                if self._clock() >= due or (self._soon and not fails):
                    self._soon = False
                    pause = self._querying.once(self._query)
                    fails = pause is not None
                    due = self._clock() + (self._interval() * self._jitter(0.9, 1.1) if pause is None else pause)
                job, job_due = self._side_job()
                if self._clock() >= job_due:
                    self._on_the_side(job)
                    _, job_due = self._side_job()
                wait = min(due, job_due) - self._clock()
                if wait > 0:
                    self._wake.wait(wait)

    def _side_job(self) -> tuple[Callable[[], None], float]:
        """What is to be done beside the queries, and when: the first of these that is due, or else due next; infinity:
        there is nothing."""
        jobs: list[Callable[[], None]] = []
        if self._asked:
            jobs.append(self._read_asked)
        if self._behind and self._walk.knows_catchup:
            jobs.append(self._catch_up)
        if self._proved_ms is not None and not self._walk.done:  # it leaves to the queries what the first one found
            jobs.append(self._step_back)
        now = self._clock()
        due = [(job, max(now, self._side_due.get(job.__name__, now))) for job in jobs]
        return min(due, key=lambda one: one[1], default=(self._step_back, math.inf))

    def _on_the_side(self, job: Callable[[], None]) -> None:
        try:
            job()
        except Exception as error:
            self._side_due[job.__name__] = self._clock() + _AGAIN * self._jitter(0.5, 1.0)
            what, words, now = job.__name__.strip("_"), trouble.in_words(error), self._now()
            before, said_ms = self._side_said.get(what, ("", 0))
            if before != words or now - said_ms >= SAID_AGAIN:
                self._side_said[what] = words, now
                logger.warning("failed, trying again", extra={"what": what, **trouble.for_log(error)})

    def _query(self) -> None:
        """One query of the look-back, until everything it found is published or known. Raises TableError."""
        began_ms = self._now()
        since_ms = began_ms - round(self._spans.lookback * 1000)
        if self._proved_ms is not None:
            since_ms = min(since_ms, self._proved_ms - LATENESS_MS - self._margin_ms)
        since_ms = max(since_ms, began_ms - FURTHEST_MS)
        queues = self._queues
        # What was written before there was a queue is not to be expected of it.
        unexpected = self._alone or queues != self._known_queues or self._proved_ms is None
        try:
            fetched = self._take(began_ms, since_ms, self._grace())
        finally:
            if self._beside is not None and not self._stopping.is_set():
                self._beside()
        missed = self._survey.proved(began_ms, since_ms, () if unexpected else self._fetched)
        judges, self._judges = self._judges and not unexpected, not unexpected
        self._fetched = () if unexpected else fetched
        self._known_queues = queues
        if self._proved_ms is None:
            self._queried_ms = since_ms
        self._proved_ms = began_ms
        logger.debug("table queried", extra={"began_ms": began_ms, "fetched": len(fetched), "missed": missed})
        self._tell(Queried(began_ms, missed, len(fetched), judges))

    def _take(self, began_ms: int, since_ms: int, grace: float = 0.0) -> list[Key]:
        """Hands over what the table holds after a time, with the truth about what contradicts. Returns what was new."""
        table, since, as_of = self._connected(), iso_time(since_ms), self._survey.revision()
        # Page by page, so that of a long time no more than the keys is held. What push is to bring first has to wait.
        pages: Iterable[Sequence[Row]] = [table.after(since)] if grace else table.pages_after(since)
        if grace and self._stopping.wait(grace):
            raise Stopped
        again: list[Key] = []
        fetched: list[Key] = []
        found: set[Key] = set()
        for rows in pages:
            found.update(key for key, _ in rows)
            for start in range(0, len(rows), _CHUNK):
                chunk = rows[start : start + _CHUNK]
                taken = self._survey.observe(chunk, began_ms=began_ms, as_of=as_of, consistent=False)
                again += taken.read_again
                fetched += taken.fetched
        again += self._survey.vanished(found, since=since, began_ms=began_ms)[:_MOST_VANISHED]
        fetched += self._settle(again)
        return fetched

    def _settle(self, keys: Collection[Key]) -> list[Key]:
        """Reads items consistently until the hub agrees about all of them. Returns what was new."""
        table = self._connected()
        fetched: list[Key] = []
        for _ in range(_ROUNDS):
            if not keys:
                return fetched
            began_ms, as_of = self._now(), self._survey.revision()
            taken = self._survey.observe(table.read(keys), began_ms=began_ms, as_of=as_of, consistent=True)
            keys = taken.read_again
            fetched += taken.fetched
        if keys:
            raise TableError(f"{len(keys)} items change while they are read")
        return fetched

    def _read_asked(self) -> None:
        with self._lock:
            keys, self._asked = self._asked, OrderedDict()
        try:
            self._settle(keys)
        except Exception:
            with self._lock:
                self._asked = keys | self._asked
            raise

    def _catch_up(self) -> None:
        began_ms = self._now()
        self._behind = False
        try:
            fetched = self._take(began_ms, began_ms - round(self._spans.catchup * 1000))
        except Exception:
            self._behind = True
            raise
        logger.info("caught up", extra={"seconds": self._spans.catchup, "items": len(fetched)})

    def _step_back(self) -> None:
        self._walk.step(self._connected(), self._now(), self._queried_ms)
        self._side_due["_step_back"] = self._clock() + _STEP_PAUSE

    def _connected(self) -> SentimentTable:
        if self._table is None:
            self._table = self._connect(self._stopping)
        return self._table

    def _tell(self, signal: Signal) -> None:
        if not self._stopping.is_set():
            self._signal(signal)
