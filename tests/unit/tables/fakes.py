"""DynamoDB in memory, as far as reads of the sentiment table can see: an index that may lag, pages of any size, keys
left unprocessed, and a script of what it refuses. It knows no Scan."""
# ruff: noqa: N803 - boto3's parameters are named like this

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from streamer.change import Key
from streamer.tables.index import Row
from streamer.tables.retry import IN_THE_BACKGROUND, TableCalls
from streamer.tables.sentiment import SentimentTable
from streamer.telemetry.counters import Counters
from tests.virtual_loop import InlineWorker

Attributes = Mapping[str, Mapping[str, Any]]

NAME = "sentiment"


def calls(client: Any, worker: Any = None, **given: Any) -> TableCalls:
    """Calls of this client, made in the event loop itself unless there is a worker."""
    return TableCalls(worker or InlineWorker(), lambda: client, **given)  # type: ignore[arg-type]


async def after(table: SentimentTable, since: str) -> list[Row]:
    """All rows of a query."""
    return [row async for page in table.pages_after(since) for row in page]


async def back(table: SentimentTable, before: str, until: str) -> list[tuple[list[Row], str]]:
    """All steps of a walk back."""
    walk, steps = table.back(before, until), []
    while not walk.ended:
        steps.append(await walk.next())
    return steps


class FakeDynamo:
    """One table with its index."""

    def __init__(self) -> None:
        self.items: dict[Key, Attributes] = {}
        self.lagging: dict[Key, Attributes | None] = {}
        """What the index still shows of items; None: nothing."""
        self.page = 1_000
        """What a page holds at most."""
        self.hesitates = False
        """Whether each first page is empty, and says that more follow."""
        self.unprocessed: list[int] = []
        """How many keys the next batches leave."""
        self.requests: list[tuple[str, dict[str, Any]]] = []
        """All of them, refused ones included."""
        self.script: defaultdict[str, list[Exception]] = defaultdict(list)
        """What the next requests of an operation come to; when it is used up, they succeed."""
        self.before: dict[str, Callable[[], None]] = {}
        """What happens in the world right before each request of an operation."""

    def put(self, key: Key, label: str | None = "positive", **attributes: Mapping[str, Any]) -> None:
        """Writes a scored item, or a pending one; attributes as DynamoDB's API has them."""
        self.items[key] = {
            "source_id": {"S": key.source_id},
            "timestamp": {"S": key.timestamp},
            "matched_tickers": {"L": [{"S": "AAPL"}]},
            "score": {"N": "0.5"},
            "source": {"S": "wire"},
            **({} if label is None else {"sentiment": {"S": label}}),
            **attributes,
        }

    def table(self, counters: Counters | None = None) -> SentimentTable:
        """The reader under test, on this table."""
        return SentimentTable(calls(self, policy=IN_THE_BACKGROUND, counters=counters), NAME)

    def query(self, **request: Any) -> dict[str, Any]:
        self._called("query", request)
        values = {name: value["S"] for name, value in request["ExpressionAttributeValues"].items()}
        rows = sorted(
            (
                item
                for item in (self.items | self.lagging).values()
                if item is not None
                and item.get("sentiment", {}).get("S") == values[":label"]
                and (
                    item["timestamp"]["S"] > values[":since"]
                    if ":since" in values
                    else values[":until"] <= item["timestamp"]["S"] <= values[":before"]
                )
            ),
            key=_place,
            reverse=not request.get("ScanIndexForward", True),
        )
        start = request.get("ExclusiveStartKey")
        newest_first = not request.get("ScanIndexForward", True)
        if start is None and self.hesitates:
            edge = {"S": "\uffff" if newest_first else ""}
            return {"Items": [], "LastEvaluatedKey": {"timestamp": edge, "source_id": edge}}
        if start is not None:
            rows = [
                row for row in rows if (_place(row) < _place(start) if newest_first else _place(row) > _place(start))
            ]
        page = rows[: min(self.page, request.get("Limit", self.page))]
        answer: dict[str, Any] = {"Items": [_projected(row, request) for row in page]}
        if page and len(page) == min(self.page, request.get("Limit", self.page)):  # even if nothing follows
            answer["LastEvaluatedKey"] = {name: page[-1][name] for name in ("source_id", "timestamp", "sentiment")}
        return answer

    def batch_get_item(self, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        self._called("batch_get_item", dict(RequestItems))
        ((name, asked),) = RequestItems.items()
        keys = asked["Keys"]
        assert 0 < len(keys) <= 100
        assert len({str(key) for key in keys}) == len(keys), "DynamoDB refuses duplicates"
        taken = len(keys) - (self.unprocessed.pop(0) if self.unprocessed else 0)
        found = [self.items.get(Key(key["source_id"]["S"], key["timestamp"]["S"])) for key in keys[:taken]]
        # in no order
        answer: dict[str, Any] = {"Responses": {name: [_projected(row, asked) for row in reversed(found) if row]}}
        answer["UnprocessedKeys"] = {name: {**asked, "Keys": keys[taken:]}} if taken < len(keys) else {}
        return answer

    def asked(self, operation: str) -> list[dict[str, Any]]:
        """The requests of one operation."""
        return [request for name, request in self.requests if name == operation]

    def _called(self, operation: str, request: dict[str, Any]) -> None:
        self.requests.append((operation, dict(request)))
        if operation in self.before:
            self.before[operation]()
        if self.script[operation]:
            raise self.script[operation].pop(0)


def _place(row: Attributes) -> tuple[str, str]:
    return row["timestamp"]["S"], row["source_id"]["S"]


def _projected(row: Attributes, request: Mapping[str, Any]) -> dict[str, Any]:
    names = [request["ExpressionAttributeNames"][name] for name in request["ProjectionExpression"].split(",")]
    return {name: row[name] for name in names if name in row}
