"""The index `by_sentiment`: the scored items of one label by timestamp, eventually consistent. Never a Scan.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from streamer.change import Item, Key, read_item, read_key
from streamer.tables.attribute import plain
from streamer.tables.retry import TableCalls

Row = tuple[Key, Item]
"""An item as a read found it; one that is gone is there with the absence `deleted`."""

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
"""All that is ever read: an index that holds more costs more, and an article's text does not even come here."""

_NAMES: Final = {f"#{name}": name for name in VISIBLE}
PROJECTION: Final[Mapping[str, Any]] = {
    "ProjectionExpression": ",".join(_NAMES),
    "ExpressionAttributeNames": _NAMES,
}
"""Members of a request that asks for the visible attributes alone."""


class LabelPages:
    """Walks through one label's items, one request a page. A page that fails is asked for again by the next call."""

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
        """`condition`: on `#timestamp`, with the `values` it names. `limit`: items a page. `start`: the item behind
        which the first page begins."""
        self.label = label
        self.start = start
        """Behind which item the next page begins."""
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
            **PROJECTION,
        }
        if limit is not None:
            self._request["Limit"] = limit

    async def next(self, admit: Callable[[], bool] | None = None) -> list[Row]:
        """The next page, which may be empty. Raises TableError; Spent if `admit` refuses a request."""
        request = dict(self._request)
        if self.start is not None:
            request["ExclusiveStartKey"] = {
                "sentiment": {"S": self.label},
                "source_id": {"S": self.start.source_id},
                "timestamp": {"S": self.start.timestamp},
            }
        answer = await self._calls("dynamodb:Query", lambda client: client.query(**request), admit=admit)
        last: Any = answer.get("LastEvaluatedKey")
        if last:
            self.start = Key(last["source_id"]["S"], last["timestamp"]["S"])
        else:
            self.ended = True
        return [read_row(item) for item in answer["Items"]]


def read_row(item: Mapping[str, Any]) -> Row:
    """Reads an item of DynamoDB's API."""
    attributes = plain(item)
    try:
        return read_key(attributes), read_item(attributes)
    except ValueError:
        # Its key is no key of an item (a timestamp that is none): no event, and to be named like any other fault.
        return Key(str(attributes["source_id"]), str(attributes["timestamp"])), Item(None, "unscored", "key")
