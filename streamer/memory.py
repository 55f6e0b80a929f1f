"""What the service keeps in memory: for each structure that grows, its size and its bound, in items and bytes.

The bytes are estimates: a number per item that was measured with tracemalloc, for keys, states and tickers of usual
length. The texts of docs/scaling.md, "Memory", say what bounds each structure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from streamer.aws.worker import Worker
from streamer.hub.cells import MAX_CELLS
from streamer.hub.hub import Hub
from streamer.intake.poll import MOST_ASKED, Poll
from streamer.publisher import LOGGED_KEYS, Publisher
from streamer.streams.admission import Admission
from streamer.streams.delivery import Delivery
from streamer.streams.openings import MAX_ADDRESSES
from streamer.streams.stream import OpenStream
from streamer.subscriptions import REMEMBERED, ConfigurationSubscriptions
from streamer.tables.recent import MAX_ROWS, RecentPages
from streamer.telemetry.log_queue import LogQueue
from streamer.web.sentiment import KEPT_ROWS, write_row

ITEM_BYTES: Final[Mapping[str, int]] = {
    "ledger": 700,
    "window": 215,  # without key and state, which the ledger has too
    "series": 750,
    "unproved": 30,
    "pending": 8,  # references: the history has the frames
    "streams": 3_600,
    "openings": 2_200,
    "filters": 1_100,
    "configurations": 1_600,
    "configurations_left": 1_200,
    "reads": 230,
    "faults": 230,
    "snapshots": 600,
    "rows": 700,
    "addresses": 190,
    "calls": 2_000,
}
"""Estimated bytes of an item of each structure whose items are counted."""
NAMES: Final = (*ITEM_BYTES, "history", "unsent", "logs")


@dataclass(frozen=True, slots=True)
class Usage:
    """The size of one structure."""

    items: int
    limit: int | None
    """Maximum number of items; None: the bytes are limited, or another structure limits this one."""
    bytes: int
    bytes_limit: int | None

    def members(self) -> dict[str, int | None]:
        """Returns the members of a JSON object."""
        return {"items": self.items, "limit": self.limit, "bytes": self.bytes, "bytes_limit": self.bytes_limit}


class Memory:
    """Called in the event loop; no method blocks."""

    def __init__(
        self,
        hub: Hub[OpenStream],
        delivery: Delivery,
        admission: Admission,
        publisher: Publisher,
        poll: Poll,
        *,
        pages: RecentPages,
        workers: Mapping[Worker, int],
    ) -> None:
        """`workers`: with the maximum number of calls of each."""
        self._hub = hub
        self._delivery = delivery
        self._admission = admission
        self._publisher = publisher
        self._poll = poll
        self._pages = pages
        self._workers = workers
        self.subscriptions: ConfigurationSubscriptions | None = None
        """None without a users table."""
        self.logs: LogQueue | None = None

    def usage(self) -> dict[str, Usage]:
        """Returns the usage of each structure in NAMES."""
        hub, streams = self._hub, self._admission.limit
        shown, left = (
            (0, 0) if self.subscriptions is None else (self.subscriptions.shown, self.subscriptions.remembered)
        )
        counted = {
            "ledger": (len(hub.ledger), hub.ledger.limit),
            "window": (len(hub.window), hub.window.limit),
            "series": (len(hub.window.cells), MAX_CELLS),
            "unproved": (hub.unproved, hub.ledger.limit),
            "pending": (hub.pending, None),
            "streams": (self._admission.taken, streams),
            "openings": (len(self._delivery.turns), streams),
            "filters": (len(hub.groups), streams),
            "configurations": (shown, streams),
            "configurations_left": (left, REMEMBERED),
            "reads": (self._poll.asked, MOST_ASKED),
            "faults": (self._publisher.faulty, 2 * LOGGED_KEYS),
            "snapshots": (self._pages.rows, MAX_ROWS),
            "rows": (write_row.cache_info().currsize, KEPT_ROWS),
            "addresses": (self._admission.addresses, MAX_ADDRESSES),
            "calls": (sum(each.pending for each in self._workers), sum(self._workers.values())),
        }
        found = {name: _counted(name, *counts) for name, counts in counted.items()}
        history = hub.history
        found["history"] = Usage(len(history), None, history.bytes, history.limit_bytes)
        unsent = self._delivery.unsent_bytes
        found["unsent"] = Usage(self._admission.taken, streams, unsent, streams * self._delivery.slow_bytes)
        lines, used = (0, 0) if self.logs is None else self.logs.waiting
        found["logs"] = Usage(lines, None, used, 0 if self.logs is None else self.logs.max_bytes)
        return found

    def members(self) -> dict[str, dict[str, int | None]]:
        """Returns the status's member `memory`."""
        return {name: usage.members() for name, usage in self.usage().items()}


def _counted(name: str, items: int, limit: int | None) -> Usage:
    each = ITEM_BYTES[name]
    return Usage(items, limit, items * each, None if limit is None else limit * each)
