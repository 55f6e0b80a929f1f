"""From what intake received or read to what the hub publishes: decode in intake's threads, publish in the event loop.

The receiving thread waits until the hub has its messages, and only then are they deleted from the queue. So at most one
receive is under way, and a container that dies in between gets them again. The polling thread waits likewise, so that
what it calls proven is published.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Sequence, Set
from concurrent.futures import Future
from typing import TypeVar

from streamer.change import Item, Key, is_sortable
from streamer.clock import wall_ms
from streamer.errors import PoisonMessage
from streamer.hub.hub import Hub, Outcome
from streamer.intake.decode import Batch, Canary, decode
from streamer.intake.receive import Message
from streamer.intake.survey import Taken
from streamer.streams.delivery import Delivery
from streamer.streams.stream import OpenStream
from streamer.tables.sentiment import Row
from streamer.telemetry.counters import Counters, Lags
from streamer.telemetry.tracing import NoTracing, Span, Tracing
from streamer.watching import Watching

logger = logging.getLogger(__name__)

_LOGGED_KEYS = 10_000
_NAMED_FAULTS = 3  # of one message; a hostile one can hold a hundred thousand

Decoded = tuple[Message, Batch | Canary | PoisonMessage]
Result = TypeVar("Result")


class Feed:
    """`deliver` is called by the receiving thread, the methods of intake's Survey by the polling one; everything else
    happens in the event loop. Each call blocks until it is done there; RuntimeError if the event loop is gone."""

    def __init__(
        self,
        hub: Hub[OpenStream],
        delivery: Delivery,
        counters: Counters,
        lags: Lags,
        *,
        table: str,
        loop: asyncio.AbstractEventLoop,
        users_table: str | None = None,
        watching: Watching | None = None,
        tracing: Tracing | None = None,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.changed_ms: int | None = None
        """When the last change came."""
        self.canary_ms: int | None = None
        """When the newest canary that came was sent."""
        self.on_heard: Callable[[int], None] | None = None
        """Called for each message, with when it was relayed, Unix milliseconds."""
        self.on_undecided: Callable[[Sequence[Key]], None] | None = None
        """Called with items that only a consistent read can decide."""
        self._hub = hub
        self._delivery = delivery
        self._counters = counters
        self._lags = lags
        self._table = table
        self._users_table = users_table
        self._watching = watching
        self._tracing = tracing or NoTracing()
        self._loop = loop
        self._now_ms = now_ms
        self._waiting: list[tuple[int, int]] = []  # of what the next flush sends: when it was received, and committed
        self._logged: OrderedDict[Key, None] = OrderedDict()
        self._unsortable: OrderedDict[Key, None] = OrderedDict()
        delivery.on_flush = self._flushed

    def deliver(self, messages: Sequence[Message]) -> None:
        """Takes in messages of the queue. If it returns, they are the hub's, or have failed one by one, which is
        counted and logged; if it raises, they are not."""
        decoded = [(message, self._decode(message)) for message in messages]
        self._in_loop(lambda: self._take_in(decoded))

    def revision(self) -> int:
        """See Survey. One attribute, read whole: no need to wait for the event loop."""
        return self._hub.ledger.revision

    def observe(self, rows: Sequence[Row], *, began_ms: int, as_of: int, consistent: bool) -> Taken:
        """See Survey."""

        def step() -> Taken:
            now_ms = self._now_ms()
            outcome = self._hub.observe(rows, began_ms=began_ms, as_of=as_of, consistent=consistent, now_ms=now_ms)
            self._counters.add("items_queried", len(rows))
            self._counters.add("items_fetched", len(outcome.fetched))
            for key, item in outcome.invalid:
                self._count_fault(key, item)
            self._count_events(outcome)
            if outcome.updates or outcome.withdrawals:
                self.changed_ms = now_ms
                self._delivery.schedule_flush()
            return Taken(outcome.read_again, outcome.fetched)

        return self._in_loop(step)

    def vanished(self, found: Set[Key], *, since: str, began_ms: int) -> Sequence[Key]:
        """See Survey."""
        return self._in_loop(lambda: self._hub.vanished(found, since=since, began_ms=began_ms))

    def proved(self, began_ms: int, since_ms: int, fetched: Collection[Key]) -> int:
        """See Survey."""

        def step() -> int:
            filters_ms = None if self._watching is None else self._watching.proved_ms()
            self._hub.proved(began_ms, since_ms, filters_ms=filters_ms)
            missed = sum(1 for key in fetched if not self._hub.ledger.confirmed(key))
            self._counters.add("queries")
            self._counters.add("items_missed", missed)
            return missed

        return self._in_loop(step)

    def learn(self, rows: Sequence[Row], since_ms: int, *, remember: tuple[str, str]) -> bool:
        """See Survey."""
        return self._in_loop(
            lambda: self._hub.learn(rows, since_ms, remember=remember, now_ms=self._now_ms()),
        )

    def beside(self) -> None:
        """What else the polling thread asks the tables, after each query."""
        if self._watching is not None:
            self._watching.check(self._in_loop)

    def _in_loop(self, step: Callable[[], Result]) -> Result:
        done: Future[Result] = Future()

        def run() -> None:
            try:
                done.set_result(step())
            except BaseException as error:
                done.set_exception(error)
                raise

        self._loop.call_soon_threadsafe(run)
        return done.result()

    def _decode(self, message: Message) -> Batch | Canary | PoisonMessage:
        try:
            return decode(message.body, self._table, self._users_table)
        except PoisonMessage as poison:
            return poison
        except Exception as bug:
            # Ours, not the message's; but let through it would bring the message, and all that came with it, again.
            logger.exception("decoding failed", extra={"message_id": message.id})
            return PoisonMessage("bug", type(bug).__name__)

    def _take_in(self, decoded: Iterable[Decoded]) -> None:
        failed = False
        for message, content in decoded:
            try:
                self._take(message, content)
            except Exception:
                # It would fail again, and the nine that came with it would come again with it until retention ends.
                failed = True
                self._counters.add("messages_failed")
                logger.exception(
                    "message failed and is dropped; queries of the table publish what it held",
                    extra={"message_id": message.id},
                )
        if self._waiting or failed:  # all of them with one flush: a later one would wait for the next
            self._delivery.schedule_flush()

    def _take(self, message: Message, content: Batch | Canary | PoisonMessage) -> None:
        self._counters.add("messages_received")
        if isinstance(content, Batch):
            with self._tracing.message(content.trace) as span:
                self._publish(message, content, span)
            self._heard(content.relayed_at)
        elif isinstance(content, Canary):
            self._counters.add("canaries_received")
            self.canary_ms = min(max(content.sent_at, self.canary_ms or 0), self._now_ms())
            self._heard(content.sent_at)
        else:
            self._counters.add("messages_poison")
            logger.warning(
                "poison message dropped",
                extra={"message_id": message.id, "reason": content.reason, "detail": content.detail},
            )

    def _heard(self, relayed_at: int) -> None:
        if self.on_heard is not None:
            self.on_heard(relayed_at)

    def _publish(self, message: Message, batch: Batch, span: Span) -> None:
        now_ms = self._now_ms()
        if batch.faults:
            self._counters.add("changes_faulty", len(batch.faults))
            details = "; ".join(batch.faults[:_NAMED_FAULTS])
            extra = {"message_id": message.id, "changes": len(batch.faults), "detail": details}
            logger.warning("changes dropped", extra=extra)
        if self._watching is not None and batch.notices:
            self._watching.told(batch.notices)
        if not batch.changes:
            return
        for change in batch.changes:
            if change.after.fault is not None or change.after.ignored_tickers:
                self._count_fault(change.key, change.after)
            if not is_sortable(change.key.timestamp):
                self._count_unsortable(change.key)
        outcome = self._hub.publish(batch.changes, dated_ms=min(batch.relayed_at, now_ms), now_ms=now_ms)
        self._counters.add("changes_received", len(batch.changes))
        self._counters.add("changes_known", outcome.known)
        self._counters.add("changes_stale", outcome.stale)
        self._counters.add("changes_undecided", len(outcome.read_again))
        self._count_events(outcome)
        if outcome.read_again and self.on_undecided is not None:
            self.on_undecided(outcome.read_again)
        span.note(changes=len(batch.changes), events=outcome.updates + outcome.withdrawals)
        committed_ms = batch.changes[0].committed_at * 1000
        self._lags.add("committed_to_relayed", batch.relayed_at - committed_ms)
        self._lags.add("relayed_to_received", message.received_at_ms - batch.relayed_at)
        self.changed_ms = now_ms
        if outcome.updates or outcome.withdrawals:
            self._waiting.append((message.received_at_ms, committed_ms))

    def _flushed(self) -> None:
        if self._waiting:
            now_ms = self._now_ms()
            for received_ms, committed_ms in self._waiting:
                self._lags.add("received_to_sent", now_ms - received_ms)
                self._lags.add("committed_to_sent", now_ms - committed_ms)
            self._waiting.clear()

    def _count_events(self, outcome: Outcome) -> None:
        self._counters.add("events_published", outcome.updates)
        self._counters.add("events_withdrawn", outcome.withdrawals)

    def _count_fault(self, key: Key, item: Item) -> None:
        """Counts each time; names each item once."""
        self._counters.add("tickers_ignored", item.ignored_tickers)
        if item.fault is None:
            return
        self._counters.add("items_invalid")
        if _is_new(key, self._logged):
            logger.warning(
                "item is no event",
                extra={"source_id": key.source_id, "timestamp": key.timestamp, "fault": item.fault},
            )

    def _count_unsortable(self, key: Key) -> None:
        """Counts and names each item once."""
        if _is_new(key, self._unsortable):
            self._counters.add("timestamps_irregular")
            logger.warning(
                "queries may not find this item: its timestamp is not ISO 8601 in UTC with milliseconds and Z,"
                " as 2026-11-22T14:18:46.484Z; correct the writer",
                extra={"source_id": key.source_id, "timestamp": key.timestamp},
            )


def _is_new(key: Key, seen: OrderedDict[Key, None]) -> bool:
    """Whether a key is not among those last seen; it is from now on."""
    if key in seen:
        return False
    seen[key] = None
    if len(seen) > _LOGGED_KEYS:
        seen.popitem(last=False)
    return True
