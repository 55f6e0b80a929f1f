"""A stream with several shards in front of the relay: moto has but one.

Each item belongs to a shard, which keeps its order. One can be stuck while the others go on, or all stand still.
"""

from __future__ import annotations

import threading
import zlib
from typing import Any, Final

from streamer.event_source.mapping import Handler

SHARDS: Final = 4
_BATCH: Final = 100


class RelayFailed(Exception):
    """The relay did not take everything: the event source mapping has to retry the whole batch."""


class Shards:
    """A handler in front of the relay's. Called in the mapping's thread; any thread may switch."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self._stuck: int | None = None
        self._held: list[dict[str, Any]] = []
        self._runs = threading.Event()
        self._runs.set()

    def stop(self) -> None:
        """The relay stands still: the call that comes next waits, canaries too."""
        self._runs.clear()

    def go(self) -> None:
        """Ends what `stop` began."""
        self._runs.set()

    def stick(self, shard: int) -> None:
        """The records of one shard are held back."""
        self._stuck = shard

    def release(self) -> None:
        """What was held back goes first with the next call, which a canary is too."""
        self._stuck = None

    def __call__(self, event: dict[str, Any], context: Any) -> object:
        """One batch of one stream, or the schedule's event."""
        self._runs.wait()
        stuck = self._stuck
        if stuck is None and self._held:
            self._relay(self._held, context)
            self._held = []
        records = event.get("Records")
        if not records or stuck is None:
            return self._handler(event, context)
        passing = [record for record in records if shard_of(record) != stuck]
        if passing:
            self._relay(passing, context)
        # Taken only now: had the relay failed, the mapping would retry these.
        self._held += [record for record in records if shard_of(record) == stuck]
        return {"batchItemFailures": []}

    def _relay(self, records: list[dict[str, Any]], context: Any) -> None:
        for first in range(0, len(records), _BATCH):
            answer = self._handler({"Records": records[first : first + _BATCH]}, context)
            if isinstance(answer, dict) and answer.get("batchItemFailures"):
                raise RelayFailed(str(answer))


def shard_of(record: dict[str, Any]) -> int:
    """The shard that a record belongs to, by its item; -1 for other tables."""
    keys = record["dynamodb"]["Keys"]
    if "source_id" not in keys:
        return -1
    return zlib.crc32(str(keys["source_id"]["S"]).encode()) % SHARDS
