"""Reads of the sentiment table: what is new by label, the truth about single items, and the walk back. Never a Scan.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from threading import Event
from typing import TYPE_CHECKING, Any, Final, TypeVar

from tenacity import (
    Retrying,
    retry_if_exception,
    sleep_using_event,
    stop_after_attempt,
    stop_when_event_set,
    wait_random_exponential,
)

from streamer import aws
from streamer.change import GONE, LABELS, Item, Key, read_item, read_key
from streamer.errors import TableError
from streamer.tables.attribute import plain

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

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
_EACH: Final = ",".join(_NAMES)
_AT_ONCE: Final = 100  # keys of one BatchGetItem
_ATTEMPTS: Final = 5
_PAGE: Final = 500  # items of a page of the walk back

Answer = TypeVar("Answer")


class _Unprocessed(Exception):
    """An answer left some keys for later: DynamoDB asks for patience."""


class SentimentTable:
    """Reads one table. For one thread at a time.

    Every method raises TableError if AWS does not answer, or says no; where it asks for patience (throttling, errors of
    its own), up to five attempts are made with full jitter, between which `stopping` ends the wait.
    """

    def __init__(
        self, client: DynamoDBClient, name: str, stopping: Event, asked: Callable[[], None] | None = None
    ) -> None:
        """`asked` is called before each request."""
        self._client = client
        self._asked = asked
        self._name = name
        self._retrying = Retrying(
            retry=retry_if_exception(lambda error: isinstance(error, _Unprocessed) or aws.is_throttling(error)),
            wait=wait_random_exponential(multiplier=0.1, max=2),
            stop=stop_after_attempt(_ATTEMPTS) | stop_when_event_set(stopping),
            sleep=sleep_using_event(stopping),
            reraise=True,
        )

    def after(self, since: str) -> list[Row]:
        """Every scored item with a timestamp after `since`, as the index shows it now: eventually consistent. The cost
        follows what is found, not the table."""
        return [row for page in self.pages_after(since) for row in page]

    def pages_after(self, since: str) -> Iterator[Sequence[Row]]:
        """What `after` returns, page by page as it is read."""
        condition = "#sentiment = :label AND #timestamp > :since"
        for label in sorted(LABELS):
            yield from self._pages(condition, {":label": label, ":since": since})

    def read(self, keys: Iterable[Key]) -> list[Row]:
        """These items as the table holds them now, consistently, each once."""
        wanted = list(dict.fromkeys(keys))
        return [
            row for start in range(0, len(wanted), _AT_ONCE) for row in self._batch(wanted[start : start + _AT_ONCE])
        ]

    def back(self, before: str, until: str) -> Iterator[tuple[list[Row], str]]:
        """Walks back through the scored items with a timestamp from `before` down to `until`, newest first.

        Each step is one request; it gives items, and the timestamp after which all have been given.
        """
        condition = "#sentiment = :label AND #timestamp BETWEEN :until AND :before"
        walks = {
            label: self._pages(condition, {":label": label, ":until": until, ":before": before}, newest_first=True)
            for label in sorted(LABELS)
        }
        reached = dict.fromkeys(walks, before)
        held: list[Row] = []
        while walks:
            label = max(walks, key=lambda each: reached[each])
            page = next(walks[label], None)
            if page:
                held += page
                reached[label] = page[-1][0].timestamp
            elif page is None:
                del walks[label]
                reached[label] = until
            frontier = max(reached[each] for each in walks) if walks else until
            given = [row for row in held if row[0].timestamp >= frontier]
            held = [row for row in held if row[0].timestamp < frontier]
            yield given, frontier

    def _pages(
        self, condition: str, values: Mapping[str, str], *, newest_first: bool = False
    ) -> Iterator[Sequence[Row]]:
        request: dict[str, Any] = {
            "TableName": self._name,
            "IndexName": INDEX,
            "KeyConditionExpression": condition,
            "ProjectionExpression": _EACH,
            "ExpressionAttributeNames": _NAMES,
            "ExpressionAttributeValues": {name: {"S": value} for name, value in values.items()},
        }
        if newest_first:
            request |= {"ScanIndexForward": False, "Limit": _PAGE}
        while True:
            answer = self._call("dynamodb:Query", lambda: self._client.query(**request))
            yield [_row(item) for item in answer["Items"]]
            if not answer.get("LastEvaluatedKey"):
                return
            request["ExclusiveStartKey"] = answer["LastEvaluatedKey"]

    def _batch(self, keys: Sequence[Key]) -> Iterator[Row]:
        absent = dict.fromkeys(keys)
        left: Any = {
            "Keys": [{"source_id": {"S": key.source_id}, "timestamp": {"S": key.timestamp}} for key in keys],
            "ConsistentRead": True,
            "ProjectionExpression": _EACH,
            "ExpressionAttributeNames": _NAMES,
        }
        found: list[Row] = []

        def read_what_is_left() -> None:
            nonlocal left
            answer = self._client.batch_get_item(RequestItems={self._name: left})
            found.extend(_row(item) for item in answer["Responses"].get(self._name, ()))
            left = answer.get("UnprocessedKeys", {}).get(self._name)
            if left:
                raise _Unprocessed

        self._call("dynamodb:BatchGetItem", read_what_is_left)
        for row in found:
            absent.pop(row[0], None)
            yield row
        yield from ((key, GONE) for key in absent)

    def _call(self, action: str, request: Callable[[], Answer]) -> Answer:
        def ask() -> Answer:
            if self._asked is not None:
                self._asked()
            return request()

        try:
            return self._retrying(ask)
        except _Unprocessed:
            raise TableError(f"{action}: throttled, keys are left unprocessed") from None
        except aws.errors() as error:
            raise TableError(aws.in_words(action, error)) from error


def _row(item: Mapping[str, Any]) -> Row:
    attributes = plain(item)
    try:
        return read_key(attributes), read_item(attributes)
    except ValueError:
        # Its key is no key of an item (a timestamp that is none): no event, and to be named like any other fault.
        return Key(str(attributes["source_id"]), str(attributes["timestamp"])), Item(None, "unscored", "key")
