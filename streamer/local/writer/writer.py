"""Makes planned writes to a sentiment table when they are due."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

from boto3.dynamodb.types import TypeSerializer

from streamer.local.update import update_expression
from streamer.local.writer.story import TableWrite

logger = logging.getLogger(__name__)

_KEPT: Final = 30 * 24 * 3600
"""Seconds until an item expires."""
_LATE: Final = 5.0


class Table(Protocol):
    """The calls of boto3's `dynamodb` client that are made here."""

    @property
    def put_item(self) -> Callable[..., Any]:
        """Writes a whole item."""

    @property
    def update_item(self) -> Callable[..., Any]:
        """Changes some attributes of an item."""

    @property
    def delete_item(self) -> Callable[..., Any]:
        """Deletes an item."""


class NewsWriter:
    """Writes to one table. The times of writes count from `begun`, in Unix seconds."""

    def __init__(
        self, dynamodb: Table, table: str, *, begun: float | None = None, wall: Callable[[], float] = time.time
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._wall = wall
        self._begun = wall() if begun is None else begun
        self._serializer = TypeSerializer()

    def run(self, writes: Iterable[TableWrite], stop: threading.Event) -> None:
        """Makes each write when it is due, or at once if it is late; returns when `stop` is set or none is left.

        Raises botocore's exceptions.
        """
        late = False
        for write in writes:
            ahead = self._begun + write.at - self._wall()
            if stop.wait(max(0.0, ahead)):
                return
            if ahead < -_LATE and not late:
                late = True
                logger.warning("this machine cannot write that fast", extra={"seconds_late": round(-ahead, 1)})
            self.write(write)

    def write(self, write: TableWrite) -> None:
        """Makes one write now, whatever its time."""
        now = self._wall()
        key = self._serialize({"source_id": write.source_id, "timestamp": _iso(self._begun + write.published)})
        match write.action:
            case "put":
                values = {**write.values, "updated_at": _iso(now), "ttl_timestamp": int(now) + _KEPT}
                self._dynamodb.put_item(TableName=self._table, Item=key | self._serialize(values))
            case "update":
                values = self._serialize({**write.values, "updated_at": _iso(now)})
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=key,
                    # An update must not create a partial item; moto would also give it two INSERT records.
                    ConditionExpression="attribute_exists(source_id)",
                    **update_expression(values, write.removed),
                )
            case "delete":
                self._dynamodb.delete_item(TableName=self._table, Key=key)

    def _serialize(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._serializer.serialize(value) for name, value in values.items()}


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
