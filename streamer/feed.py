"""From what intake received to what the hub publishes: decode in the receiving thread, publish in the event loop.

The receiving thread waits until the hub has its messages, and only then are they deleted from the queue. So at most one
receive is under way, and a container that dies in between gets them again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from streamer.change import Change, Key
from streamer.clock import wall_ms
from streamer.delivery.delivery import Delivery
from streamer.delivery.stream import Stream
from streamer.errors import PoisonMessage
from streamer.hub.hub import Hub
from streamer.intake.decode import Batch, Canary, decode
from streamer.intake.receive import Message
from streamer.telemetry.counters import Counters, Lags

logger = logging.getLogger(__name__)

_LOGGED_KEYS = 10_000
_NAMED_FAULTS = 3  # of one message; a hostile one can hold a hundred thousand

Decoded = tuple[Message, Batch | Canary | PoisonMessage]


class Feed:
    """`deliver` is called by the receiving thread; everything else happens in the event loop."""

    def __init__(
        self,
        hub: Hub[Stream],
        delivery: Delivery,
        counters: Counters,
        lags: Lags,
        *,
        table: str,
        loop: asyncio.AbstractEventLoop,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.changed_ms: int | None = None
        """When the last change came."""
        self.canary_ms: int | None = None
        """When the newest canary that came was sent."""
        self._hub = hub
        self._delivery = delivery
        self._counters = counters
        self._lags = lags
        self._table = table
        self._loop = loop
        self._now_ms = now_ms
        self._waiting: list[int] = []  # receipt times of what the next flush sends
        self._logged: OrderedDict[Key, None] = OrderedDict()
        delivery.on_flush = self._flushed

    def deliver(self, messages: Sequence[Message]) -> None:
        """Blocks until the hub has the messages. RuntimeError if the event loop is gone: they are not ours then."""
        decoded = [(message, self._decode(message)) for message in messages]
        done: Future[None] = Future()
        self._loop.call_soon_threadsafe(self._take_in, decoded, done)
        done.result()

    def _decode(self, message: Message) -> Batch | Canary | PoisonMessage:
        try:
            return decode(message.body, self._table)
        except PoisonMessage as poison:
            return poison
        except Exception as bug:
            # Ours, not the message's; but let through it would bring the message, and all that came with it, again.
            logger.exception("decoding failed", extra={"message_id": message.id})
            return PoisonMessage("bug", type(bug).__name__)

    def _take_in(self, decoded: Sequence[Decoded], done: Future[None]) -> None:
        try:
            for message, content in decoded:
                self._counters.add("messages_received")
                if isinstance(content, Batch):
                    self._publish(message, content)
                elif isinstance(content, Canary):
                    self._counters.add("canaries_received")
                    self.canary_ms = min(max(content.sent_at, self.canary_ms or 0), self._now_ms())
                else:
                    self._counters.add("messages_poison")
                    logger.warning(
                        "poison message dropped",
                        extra={"message_id": message.id, "reason": content.reason, "detail": content.detail},
                    )
        except BaseException as error:
            done.set_exception(error)
            raise
        done.set_result(None)

    def _publish(self, message: Message, batch: Batch) -> None:
        now_ms = self._now_ms()
        if batch.faults:
            self._counters.add("changes_faulty", len(batch.faults))
            details = "; ".join(batch.faults[:_NAMED_FAULTS])
            extra = {"message_id": message.id, "changes": len(batch.faults), "detail": details}
            logger.warning("changes dropped", extra=extra)
        if not batch.changes:
            return
        for change in batch.changes:
            if change.after.fault is not None or change.after.ignored_tickers:
                self._count_fault(change)
        outcome = self._hub.publish(batch.changes, dated_ms=min(batch.relayed_at, now_ms), now_ms=now_ms)
        self._counters.add("changes_received", len(batch.changes))
        self._counters.add("changes_known", outcome.known)
        self._counters.add("changes_stale", outcome.stale)
        self._counters.add("changes_undecided", len(outcome.read_again))
        self._counters.add("events_published", outcome.updates)
        self._counters.add("events_withdrawn", outcome.withdrawals)
        self._lags.add("committed_to_relayed", batch.relayed_at - batch.changes[0].committed_at * 1000)
        self._lags.add("relayed_to_received", message.received_at_ms - batch.relayed_at)
        self.changed_ms = now_ms
        if outcome.updates or outcome.withdrawals:
            self._waiting.append(message.received_at_ms)
            self._delivery.published()

    def _flushed(self) -> None:
        if self._waiting:
            now_ms = self._now_ms()
            for received_ms in self._waiting:
                self._lags.add("received_to_sent", now_ms - received_ms)
            self._waiting.clear()

    def _count_fault(self, change: Change) -> None:
        """Counts each time; names each item once."""
        item = change.after
        self._counters.add("tickers_ignored", item.ignored_tickers)
        if item.fault is None:
            return
        self._counters.add("items_invalid")
        if change.key not in self._logged:
            self._logged[change.key] = None
            if len(self._logged) > _LOGGED_KEYS:
                self._logged.popitem(last=False)
            logger.warning(
                "item is no event",
                extra={"source_id": change.key.source_id, "timestamp": change.key.timestamp, "fault": item.fault},
            )
