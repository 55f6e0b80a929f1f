"""Bounds what moto keeps for ever and AWS does not: otherwise a demo grows by half a gigabyte an hour."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final

from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import table
from moto.dynamodb.models.table import StreamShard
from moto.dynamodbstreams.models import dynamodbstreams_backends

from streamer.local.resources import ACCOUNT, REGION

ITERATORS: Final = 5_000
"""Two minutes of 40 reads a second; AWS's iterators expire after 15 minutes."""
RECORDS: Final = 10_000
"""Of each stream, at least: half an hour of 5 writes a second; AWS keeps 24 hours."""


def bound() -> None:
    """Bounds the moto of this process. Called before there is a table."""
    dynamodbstreams_backends[ACCOUNT][REGION].shard_iterators = ShardIterators(ITERATORS)
    table.StreamShard = BoundedShard


class ShardIterators(OrderedDict[str, Any]):
    """The newest shard iterators; older ones have expired."""

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
    """Keeps the newest records of a table's shard and trims older ones."""

    kept = RECORDS

    def add(self, old: Any, new: Any) -> None:
        """Adds a record, and trims when there are a quarter more than `kept`."""
        super().add(old, new)
        surplus = len(self.items) - self.kept
        if surplus > self.kept // 4:
            # moto numbers a record by its index after the shard's first number, so both move.
            del self.items[:surplus]
            self.starting_sequence_number += surplus

    def get(self, start: int, quantity: int) -> Any:
        """The records from the number `start` on."""
        if start < self.starting_sequence_number:
            raise JsonRESTError("TrimmedDataAccessException", "The records were trimmed.")
        return super().get(start, quantity)
