"""The publisher hands messages and table reads from intake to the hub, and schedules a flush of the resulting frames in
`Delivery`.

`take` is synchronous: it never yields to the event loop. When it returns, the hub has the changes, and only then are
the messages deleted. If the container dies before that, SQS delivers them again.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence, Set
from typing import Final

from streamer.change import Item, Key, is_sortable
from streamer.clock import wall_ms
from streamer.errors import PoisonMessage
from streamer.hub.hub import Hub, Outcome
from streamer.intake.consumer import Observed
from streamer.intake.decode import Batch, Canary
from streamer.intake.receive import Decoded, QueueMessage
from streamer.streams.delivery import Delivery
from streamer.streams.stream import OpenStream
from streamer.subscriptions import ConfigurationSubscriptions
from streamer.tables.index import Row
from streamer.telemetry.counters import Counters, Lags
from streamer.telemetry.tracing import NoTracing, Span, Tracing

logger = logging.getLogger(__name__)

LOGGED_KEYS: Final = 10_000
"""Number of faulty items of each kind that are remembered, so that each is logged once."""
_NAMED_FAULTS = 3  # maximum number of faults logged per message; a malicious message can have 100,000


class Publisher:
    """Conforms to intake's Consumer."""

    def __init__(
        self,
        hub: Hub[OpenStream],
        delivery: Delivery,
        counters: Counters,
        lags: Lags,
        *,
        subscriptions: ConfigurationSubscriptions | None = None,
        tracing: Tracing | None = None,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.changed_ms: int | None = None
        """Time (Unix milliseconds) of the last change."""
        self.canary_ms: int | None = None
        """Time (Unix milliseconds) at which the newest canary was sent."""
        self._hub = hub
        self._delivery = delivery
        self._counters = counters
        self._lags = lags
        self._subscriptions = subscriptions
        self._tracing = tracing or NoTracing()
        self._now_ms = now_ms
        self._waiting: list[tuple[int, int]] = []
        """(received_ms, committed_ms) of each message that waits for the next flush."""
        self._logged: OrderedDict[Key, None] = OrderedDict()
        self._unsortable: OrderedDict[Key, None] = OrderedDict()
        delivery.on_flush = self._flushed

    def take(self, messages: Sequence[Decoded]) -> Sequence[Key]:
        """Publishes the changes of messages. A message that fails is counted, logged and dropped; the others are
        published. Returns the items whose state is unknown until a consistent read."""
        undecided: list[Key] = []
        failed = False
        for message, content in messages:
            try:
                undecided += self._take(message, content)
            except Exception:
                # If it raised, all messages of the receive would be delivered again until retention ends.
                failed = True
                self._counters.add("messages_failed")
                logger.exception(
                    "message failed and is dropped; table queries publish its changes",
                    extra={"message_id": message.id},
                )
        if self._waiting or failed:  # one flush for all messages
            self._delivery.schedule_flush()
        return undecided

    @property
    def faulty(self) -> int:
        """Number of remembered faulty items, at most twice LOGGED_KEYS."""
        return len(self._logged) + len(self._unsortable)

    def revision(self) -> int:
        """Returns the revision of the hub's ledger."""
        return self._hub.ledger.revision

    def observe(self, rows: Sequence[Row], *, began_ms: int, as_of: int, consistent: bool) -> Observed:
        """Publishes those items of a table read that have not arrived through the queue."""
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
        return Observed(outcome.read_again, outcome.fetched)

    def missing(self, found: Set[Key], *, since: str, began_ms: int) -> Sequence[Key]:
        """Returns the published items that a query should have returned."""
        return self._hub.missing(found, since=since, began_ms=began_ms)

    def proved(self, began_ms: int, since_ms: int, fetched: Collection[Key]) -> int:
        """Advances the hub's watermark. Returns the number of keys in `fetched` that have not arrived
        through the queue."""
        self._hub.proved(began_ms, since_ms, ended_ms=self._now_ms())
        missed = sum(1 for key in fetched if not self._hub.ledger.confirmed(key))
        self._counters.add("queries")
        self._counters.add("items_missed", missed)
        return missed

    def backfill(self, rows: Sequence[Row], since_ms: int, *, remember: tuple[str, str]) -> bool:
        """Passes items from before the start of this process to the hub. Returns False if the hub needs no more."""
        return self._hub.backfill(rows, since_ms, remember=remember, now_ms=self._now_ms())

    def announce_mode(self) -> None:
        """Announces the mode to every stream. If push is not trusted any more, the configurations are read at once."""
        self._delivery.announce_mode()
        if self._subscriptions is not None:
            self._subscriptions.check_soon()

    def _take(self, message: QueueMessage, content: Batch | Canary | PoisonMessage) -> Sequence[Key]:
        self._counters.add("messages_received")
        if isinstance(content, Batch):
            with self._tracing.message(content.trace, content.traceparent) as span:
                return self._publish(message, content, span)
        if isinstance(content, Canary):
            self._counters.add("canaries_received")
            self.canary_ms = min(max(content.sent_at, self.canary_ms or 0), self._now_ms())
        else:
            self._counters.add("messages_poison")
            logger.warning(
                "poison message dropped",
                extra={"message_id": message.id, "reason": content.reason, "detail": content.detail},
            )
        return ()

    def _publish(self, message: QueueMessage, batch: Batch, span: Span) -> Sequence[Key]:
        now_ms = self._now_ms()
        if batch.faults:
            self._counters.add("changes_faulty", len(batch.faults))
            details = "; ".join(batch.faults[:_NAMED_FAULTS])
            extra = {"message_id": message.id, "changes": len(batch.faults), "detail": details}
            logger.warning("changes dropped", extra=extra)
        if self._subscriptions is not None and batch.notices:
            self._subscriptions.received(batch.notices)
        if not batch.changes:
            return ()
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
        span.note(changes=len(batch.changes), events=outcome.updates + outcome.withdrawals)
        committed_ms = batch.changes[0].committed_at * 1000
        self._lags.add("committed_to_relayed", batch.relayed_at - committed_ms)
        self._lags.add("relayed_to_received", message.received_at_ms - batch.relayed_at)
        self.changed_ms = now_ms
        if outcome.updates or outcome.withdrawals:
            self._waiting.append((message.received_at_ms, committed_ms))
        return outcome.read_again

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
        """Counts each occurrence; logs each item once."""
        self._counters.add("tickers_ignored", item.ignored_tickers)
        if item.fault is None:
            return
        self._counters.add("items_invalid")
        if _add_new(key, self._logged):
            logger.warning(
                "item is no event",
                extra={"source_id": key.source_id, "timestamp": key.timestamp, "fault": item.fault},
            )

    def _count_unsortable(self, key: Key) -> None:
        """Counts and logs each item once."""
        if _add_new(key, self._unsortable):
            self._counters.add("timestamps_irregular")
            logger.warning(
                "queries may not find this item: its timestamp is not ISO 8601 in UTC with milliseconds and Z,"
                " as 2026-11-22T14:18:46.484Z; correct the writer",
                extra={"source_id": key.source_id, "timestamp": key.timestamp},
            )


def _add_new(key: Key, seen: OrderedDict[Key, None]) -> bool:
    """Adds a key to the last seen ones. Returns whether it was not among them."""
    if key in seen:
        return False
    seen[key] = None
    if len(seen) > LOGGED_KEYS:
        seen.popitem(last=False)
    return True
