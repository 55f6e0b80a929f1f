"""Makes planned writes to a sentiment table at their time."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import TypeSerializer

from streamer.change import iso_time
from streamer.local.update import update_expression
from streamer.local.writer.story import WRITES, TableWrite

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

logger = logging.getLogger(__name__)

_ITEMS: Final = 20_000
"""Number of items that the table has when it no longer grows."""
_SHORTEST, _LONGEST = 600, 24 * 3600
"""Seconds until an item expires, at least and at most."""
_LATE: Final = 5.0
"""Seconds of delay that are reported."""


class NewsWriter:
    """Writes to one table. The time of a write is relative to the creation of this object."""

    def __init__(
        self, dynamodb: DynamoDBClient, table: str, *, rate: float = 5.0, wall: Callable[[], float] = time.time
    ) -> None:
        """`rate`: average writes a second. Items expire the sooner the more there are."""
        self._time_to_live = round(min(_LONGEST, max(_SHORTEST, _ITEMS * WRITES / rate)))
        self._dynamodb = dynamodb
        self._table = table
        self._wall = wall
        self._begun = wall()
        self._serializer = TypeSerializer()

    def run(self, writes: Iterable[TableWrite], stop: threading.Event) -> None:
        """Makes each write at its time. Returns after the last write or when `stop` is set.

        Raises botocore's exceptions.
        """
        late = False
        for write in writes:
            ahead = self._begun + write.at - self._wall()
            if stop.wait(max(0.0, ahead)):
                return
            if ahead < -_LATE and not late:
                late = True
                logger.warning("this machine is too slow for this rate", extra={"seconds_late": round(-ahead, 1)})
            self.write(write)

    def write(self, write: TableWrite) -> None:
        """Makes one write now."""
        now = self._wall()
        key = self._serialize({"source_id": write.source_id, "timestamp": _iso(self._begun + write.published)})
        match write.action:
            case "put":
                values = {**write.values, "updated_at": _iso(now), "ttl_timestamp": int(now) + self._time_to_live}
                self._dynamodb.put_item(TableName=self._table, Item=key | self._serialize(values))
            case "update":
                values = self._serialize({**write.values, "updated_at": _iso(now)})
                self._dynamodb.update_item(
                    TableName=self._table,
                    Key=key,
                    # An update must not create a partial item. moto would also write two INSERT records for it.
                    ConditionExpression="attribute_exists(source_id)",
                    **update_expression(values, write.removed),
                )
            case "delete":
                self._dynamodb.delete_item(TableName=self._table, Key=key)

    def _serialize(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: self._serializer.serialize(value) for name, value in values.items()}


def _iso(seconds: float) -> str:
    return iso_time(int(seconds * 1000))
