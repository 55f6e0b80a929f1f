"""Queries of the index `by_sentiment`: the scored items of one label by timestamp, eventually consistent. Never a Scan.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamer.change import Item, Key, read_item, read_key
from streamer.tables.attribute import plain
from streamer.tables.retry import TableCalls

Row = tuple[Key, Item]
"""An item as it was read. An item that does not exist has the absence `deleted`."""

INDEX: Final = "by_sentiment"
VISIBLE: Final = (
    "source_id",
    "timestamp",
    "sentiment",
    "score",
    "confidence",
    "source",
    "updated_at",
    "matched_tickers",
    "ticker",
)
"""The attributes that users see. An index that projects more attributes costs more per query."""
EXPIRY: Final = "ttl_timestamp"
"""The only other attribute that is read. It stays in this process, and tells a deletion by TTL from others."""


def _projection(*attributes: str) -> Mapping[str, Any]:
    names = {f"#{name}": name for name in attributes}
    return {"ProjectionExpression": ",".join(names), "ExpressionAttributeNames": names}


PROJECTION: Final = _projection(*VISIBLE)
"""Members of a request that restrict the response to the visible attributes."""
WITH_EXPIRY: Final = _projection(*VISIBLE, EXPIRY)
"""The same with the expiry. An index that does not project the expiry refuses the request."""


class LabelPages:
    """Reads the items of one label page by page, with one request per page. After an error `next` retries the page."""

    def __init__(
        self,
        calls: TableCalls,
        table: str,
        label: str,
        *,
        condition: str = "",
        values: Mapping[str, str] | None = None,
        newest_first: bool = False,
        limit: int | None = None,
        start: Key | None = None,
    ) -> None:
        """`condition`: on `#timestamp`, with its `values`. `limit`: items per page. `start`: the first page begins
        after this item."""
        self.label = label
        self.start = start
        """The next page begins after this item."""
        self.ended = False
        """Whether the last page has been read."""
        self._calls = calls
        self._request: dict[str, Any] = {
            "TableName": table,
            "IndexName": INDEX,
            "KeyConditionExpression": "#sentiment = :label" + (f" AND {condition}" if condition else ""),
            "ExpressionAttributeValues": {
                name: {"S": value} for name, value in {":label": label, **(values or {})}.items()
            },
            "ScanIndexForward": not newest_first,
        }
        self.projection = PROJECTION
        """May be changed before each page."""
        if limit is not None:
            self._request["Limit"] = limit

    async def next(self, admit: Callable[[], bool] | None = None) -> list[Row]:
        """Returns the next page, which may be empty. Raises TableError, or Spent if `admit` returned False."""
        request = {**self._request, **self.projection}
        if self.start is not None:
            request["ExclusiveStartKey"] = {
                "sentiment": {"S": self.label},
                "source_id": {"S": self.start.source_id},
                "timestamp": {"S": self.start.timestamp},
            }
        response = await self._calls("dynamodb:Query", lambda client: client.query(**request), admit=admit)
        last: Any = response.get("LastEvaluatedKey")
        if last:
            self.start = Key(last["source_id"]["S"], last["timestamp"]["S"])
        else:
            self.ended = True
        return [read_row(item) for item in response["Items"]]


def read_row(item: Mapping[str, Any]) -> Row:
    """Parses an item of DynamoDB's API."""
    attributes = plain(item)
    try:
        return read_key(attributes), read_item(attributes)
    except ValueError:
        # The key is invalid, for example its timestamp. The fault `key` is counted and logged like any other fault.
        return Key(str(attributes["source_id"]), str(attributes["timestamp"])), Item(None, "unscored", "key")
