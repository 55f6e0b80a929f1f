"""The newest items by label, merged, a bounded number of requests a call. Never a Scan.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Query.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from streamer import aws
from streamer.change import LABELS, Item, Key, read_item, read_key
from streamer.errors import TableError
from streamer.listing import Page, Position, Row
from streamer.tables.attribute import plain
from streamer.tables.patience import patiently
from streamer.tables.sentiment import INDEX, VISIBLE

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import QueryOutputTypeDef

MAX_REQUESTS: Final = 4
"""Of one page, those among them that are tried again; a filter that finds little ends it early."""
_MOST_AT_ONCE: Final = 250  # items of one request
_LEAST_AT_ONCE: Final = 25
_NAMES: Final = {f"#{name}": name for name in VISIBLE}


class _Spent(Exception):
    """The page has asked as often as it may."""


@dataclass(slots=True)
class _Walk:
    """One label's items, newest first."""

    label: str
    start: Key | None
    """Behind which the next request begins."""
    taken: Key | None
    """The last item that was given, or passed over."""
    found: deque[tuple[Key, Item]] = field(default_factory=deque)
    ended: bool = False


class SnapshotTable:
    """Reads pages of one sentiment table, eventually consistent. For any number of threads."""

    def __init__(self, client: DynamoDBClient, name: str, asked: Callable[[], None] | None = None) -> None:
        """`asked` is called before each request."""
        self._client = client
        self._name = name
        self._asked = asked

    def page(self, tickers: Collection[str] | None, since: str | None, limit: int, position: Position | None) -> Page:
        """Rows of these tickers (None: of all), newest first, of items with a timestamp not before `since`.

        At most `limit` rows, though one item's rows are never divided; fewer, with a position to go on from, where the
        bounded work found no more. Raises TableError.
        """
        at = position or Position({})
        walks = [_Walk(label, at.after.get(label), at.after.get(label)) for label in sorted(LABELS - at.ended)]
        at_once = min(max(limit, _LEAST_AT_ONCE), _MOST_AT_ONCE) if tickers is None else _MOST_AT_ONCE
        rows: list[Row] = []
        given: set[Key] = set()
        requests = _Requests(self._ask)
        while not all(walk.ended and not walk.found for walk in walks):
            if len(rows) >= limit:
                break
            empty = next((walk for walk in walks if not walk.found and not walk.ended), None)
            if empty is not None:
                try:
                    self._fill(empty, since, at_once, requests)
                except _Spent:
                    break
                continue
            walk = max((walk for walk in walks if walk.found), key=lambda each: each.found[0][0].timestamp)
            key, item = walk.found[0]
            wanted = () if item.state is None or key in given else item.state.tickers
            wanted = tuple(ticker for ticker in wanted if tickers is None or ticker in tickers)
            if rows and len(rows) + len(wanted) > limit:
                break
            walk.found.popleft()
            walk.taken = key
            given.add(key)
            rows += [Row(key, item.state, ticker) for ticker in wanted if item.state is not None]
        else:
            return Page(rows, None)
        ended = {walk.label for walk in walks if walk.ended and not walk.found}
        places = {walk.label: walk.taken if walk.found else walk.start for walk in walks if walk.label not in ended}
        after = {label: place for label, place in places.items() if place is not None}
        more = Position(after, at.ended | ended)
        if more == at and requests.refusal is not None:  # repeats have used up all, and a client would ask in a circle
            raise TableError(aws.in_words("dynamodb:Query", requests.refusal)) from requests.refusal
        return Page(rows, more)

    def _fill(self, walk: _Walk, since: str | None, at_once: int, requests: _Requests) -> None:
        if since is not None and walk.start is not None and walk.start.timestamp < since:
            walk.ended = True  # a cursor from a request that went further back: DynamoDB would refuse its key
            return
        request: dict[str, Any] = {
            "TableName": self._name,
            "IndexName": INDEX,
            "KeyConditionExpression": "#sentiment = :label" + (" AND #timestamp >= :since" if since else ""),
            "ProjectionExpression": ",".join(_NAMES),
            "ExpressionAttributeNames": _NAMES,
            "ExpressionAttributeValues": {":label": {"S": walk.label}, **({":since": {"S": since}} if since else {})},
            "ScanIndexForward": False,
            "Limit": at_once,
        }
        if walk.start is not None:
            request["ExclusiveStartKey"] = {
                "sentiment": {"S": walk.label},
                "source_id": {"S": walk.start.source_id},
                "timestamp": {"S": walk.start.timestamp},
            }
        walk.taken = walk.start  # nothing is held back: all before it has been passed over
        answer = requests.ask(request)
        walk.found.extend(map(_read, answer["Items"]))
        last = answer.get("LastEvaluatedKey")
        if last is None:
            walk.ended = True
        else:
            walk.start = Key(last["source_id"]["S"], last["timestamp"]["S"])

    def _ask(self, request: Mapping[str, Any]) -> QueryOutputTypeDef:
        if self._asked is not None:
            self._asked()
        return self._client.query(**request)


class _Requests:
    """What one page may ask."""

    def __init__(self, ask: Callable[[Mapping[str, Any]], QueryOutputTypeDef]) -> None:
        self._ask = ask
        self._left = MAX_REQUESTS
        self.refusal: Exception | None = None
        """The newest."""

    def ask(self, request: Mapping[str, Any]) -> QueryOutputTypeDef:
        """The answer, after a few attempts. Raises TableError, or _Spent if no request is left."""

        def attempt() -> QueryOutputTypeDef:
            if not self._left:
                raise _Spent
            self._left -= 1
            try:
                return self._ask(request)
            except aws.errors() as error:
                self.refusal = error
                raise

        return patiently("dynamodb:Query", attempt)


def _read(item: Mapping[str, Any]) -> tuple[Key, Item]:
    attributes = plain(item)
    key = Key(str(attributes["source_id"]), str(attributes["timestamp"]))
    try:
        read_key(attributes)
    except ValueError:  # its key is no key of an item: no event, but a place in the index
        return key, Item(None, "unscored", "key")
    return key, read_item(attributes)
