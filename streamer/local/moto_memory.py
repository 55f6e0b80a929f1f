"""Limits moto's memory. moto keeps all shard iterators and stream records: half a gigabyte in an hour of the demo."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import table
from moto.dynamodb.models.table import StreamShard
from moto.dynamodbstreams.models import dynamodbstreams_backends

from streamer.local.resources import ACCOUNT, REGION

ITERATORS: Final = 5_000
"""Maximum number of shard iterators: two minutes of 40 reads a second. On AWS they expire after 15 minutes."""
RECORDS: Final = 10_000
"""Minimum number of records that a stream keeps: half an hour of 5 writes a second. AWS keeps 24 hours."""


def bound() -> None:
    """Patches moto in this process. Called before a table is created."""
    dynamodbstreams_backends[ACCOUNT][REGION].shard_iterators = ShardIterators(ITERATORS)
    table.StreamShard = BoundedShard


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
    """Keeps the newest records of a shard and trims older ones."""

    kept = RECORDS

    def add(self, old: Any, new: Any) -> None:
        """Adds a record. Trims the shard when it has a quarter more records than `kept`."""
        super().add(old, new)
        surplus = len(self.items) - self.kept
        if surplus > self.kept // 4:
            # moto computes a sequence number from the index of the record, so the starting number changes too.
            del self.items[:surplus]
            self.starting_sequence_number += surplus

    def get(self, start: int, quantity: int) -> Any:
        """Returns records from the sequence number `start`."""
        if start < self.starting_sequence_number:
            raise JsonRESTError("TrimmedDataAccessException", "The records were trimmed.")
        return super().get(start, quantity)
