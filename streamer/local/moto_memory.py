"""Limits moto's memory, so that a demo can stay open: moto keeps all iterators, records, notifications and receipts,
and lists every object that it has ever made for a page of its own."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from heapq import heappop, heappush
from typing import Any, Final

from moto.core.common_models import BaseModel
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import table
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import StreamShard, Table
from moto.dynamodbstreams.models import dynamodbstreams_backends
from moto.sns import models as sns
from moto.sqs import models as sqs

from streamer.local.resources import ACCOUNT, REGION

ITERATORS: Final = 5_000
"""Maximum number of shard iterators: two minutes of 40 reads a second. On AWS they expire after 15 minutes."""
RECORDS: Final = 10_000
"""Number of records that a stream keeps for a reader that is behind. AWS keeps 24 hours."""
READ_RECORDS: Final = 1_000
"""Number of records that a stream keeps although they were read."""
NOTIFICATIONS: Final = 100
"""Number of sent notifications that a topic keeps. Only moto's own API reads them."""
RECEIPTS: Final = 10_000
"""Number of receipt handles of deleted messages that a queue keeps. A second deletion of an older one is an error."""


def bound() -> None:
    """Patches moto in this process. Called before a table, a topic or a queue is created."""
    dynamodbstreams_backends[ACCOUNT][REGION].shard_iterators = ShardIterators(ITERATORS)
    BaseModel.__new__ = staticmethod(_untracked)
    table.StreamShard = BoundedShard
    sns.Topic = BoundedTopic
    sqs.Queue = BoundedQueue


def _untracked(cls: type[BaseModel], *_: Any, **__: Any) -> BaseModel:
    """Replaces moto's `__new__`, which adds the object to a list that is never emptied."""
    return object.__new__(cls)


class ShardIterators(OrderedDict[str, Any]):
    """Keeps the newest shard iterators; older ones are expired."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: str, value: Any) -> None:
        super().__setitem__(key, value)
        while len(self) > self._most:
            self.popitem(last=False)

    def __missing__(self, key: str) -> Any:
        raise JsonRESTError("ExpiredIteratorException", "The shard iterator has expired.")


class BoundedShard(StreamShard):  # type: ignore[misc]
    """Keeps the newest records of a shard and trims older ones. Each write also deletes the items that have expired."""

    kept = RECORDS
    kept_read = READ_RECORDS

    def __init__(self, account_id: str, table: Table) -> None:
        super().__init__(account_id, table)
        self._next_read = self.starting_sequence_number
        self._expiries = Expiries(table)

    def add(self, old: Any, new: Any) -> None:
        """Adds a record. Trims the shard when it has a quarter more records than it keeps."""
        super().add(old, new)
        if new is not None:
            self._expiries.add(new)
        self._expiries.delete(time.time())
        read = self._next_read - self.starting_sequence_number
        surplus = max(
            _surplus(len(self.items), self.kept),
            _surplus(read, self.kept_read),
        )
        if surplus:
            # moto computes a sequence number from the index of the record, so the starting number changes too.
            del self.items[:surplus]
            self.starting_sequence_number += surplus

    def get(self, start: int, quantity: int) -> Any:
        """Returns records from the sequence number `start`."""
        if start < self.starting_sequence_number:
            raise JsonRESTError("TrimmedDataAccessException", "The records were trimmed.")
        records = super().get(start, quantity)
        self._next_read = max(self._next_read, start + len(records))
        return records


def _surplus(count: int, kept: int) -> int:
    surplus = count - kept
    return surplus if surplus > kept // 4 else 0


class Expiries:
    """The times to live of a table's items. An expired item is deleted without a stream record: its record would lack
    the identity of the TTL service, by which a deletion by TTL differs from one by a writer."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._expiries: list[tuple[float, int, Item]] = []
        self._count = 0

    def add(self, item: Item) -> None:
        """Adds an item that was written."""
        expires = self._expires(item)
        if expires is not None:
            self._count += 1
            heappush(self._expiries, (expires, self._count, item))

    def delete(self, now: float) -> None:
        """Deletes the items that expired before `now`, in seconds since 1970, unless they were written again since."""
        while self._expiries and self._expiries[0][0] < now:
            written = heappop(self._expiries)[2]
            ranges = self._table.items.get(written.hash_key, {})
            current = ranges.get(written.range_key) if isinstance(ranges, dict) else None
            if current is None:
                continue
            expires = self._expires(current)
            if expires is not None and expires < now:
                del ranges[written.range_key]
                if not ranges:
                    del self._table.items[written.hash_key]

    def _expires(self, item: Item) -> float | None:
        """Returns seconds since 1970; None if the table has no TTL, or the item no number in its attribute."""
        attribute = item.attrs.get(self._table.ttl.get("AttributeName", ""))
        return None if attribute is None or attribute.type != "N" else float(attribute.value)


class BoundedTopic(sns.Topic):  # type: ignore[misc]
    """Keeps the newest notifications."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sent_notifications: deque[Any] = deque(maxlen=NOTIFICATIONS)


class BoundedQueue(sqs.Queue):  # type: ignore[misc]
    """Keeps the newest receipt handles of deleted messages."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.deleted_messages = Receipts(RECEIPTS)


class Receipts(set[str]):
    """A set that forgets what was added first."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most
        self._order: deque[str] = deque()

    def update(self, *added: Any) -> None:
        """Called by moto with the receipt handles of a deleted message."""
        for receipts in added:
            for receipt in receipts:
                if receipt not in self:
                    self.add(receipt)
                    self._order.append(receipt)
        while len(self._order) > self._most:
            self.discard(self._order.popleft())
