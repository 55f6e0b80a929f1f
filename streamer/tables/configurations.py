"""The users table: the configurations of users, and a guard item for each name, which makes the name unique.

    PK = USER#{user_id}   SK = CONFIG#{config_id}   name, tickers, status, revision, tickers_since
                          SK = NAME#{digest}        config_id of the configuration with the name

Every write is one transaction. Its conditions are the attributes that were read before: the content of the
configuration (not only `revision`, which other programs may not update), and the owner of the guard. Other programs may
leave a guard behind, or write none: before a write, the configuration that owns the guard is read, and the write
repairs the guard. https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from streamer.clock import wall_ms
from streamer.configuration import (
    CONFIG_ID,
    MAX_CONFIGURATIONS,
    SINCE,
    STORED,
    Configuration,
    Draft,
    Edit,
    Mismatch,
    NameTaken,
    TooMany,
    etag,
    normalised,
    read_configuration,
    since,
)
from streamer.errors import TableError
from streamer.tables.attribute import plain
from streamer.tables.retry import TableCalls, TransactionRefused

ANY: Final = "*"
"""The value of If-Match that matches any content."""
_ATTEMPTS: Final = 4  # of a write whose conditions fail because of concurrent writes
_PREFIX: Final = "CONFIG#"
_MAX_READ: Final = 200  # configurations of a user with which a name is compared; other programs can create more

StoredItem = Mapping[str, Any]


class ConfigurationTable:
    """Reads and writes one users table. Every method raises TableError."""

    def __init__(
        self,
        calls: TableCalls,
        name: str,
        *,
        new_id: Callable[[], str] = lambda: secrets.token_hex(16),
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        self.name = name
        self._calls = calls
        self._new_id = new_id
        self._now_ms = now_ms

    async def get(self, user_id: str, config_id: str) -> Configuration | None:
        """Reads a configuration consistently; None if it does not exist."""
        item = await self._item(user_id, _PREFIX + config_id)
        return None if item is None else _configuration(item)

    async def read(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Configuration | None]:
        """Reads configurations by (user id, configuration id), consistently; None if one does not exist."""
        found: dict[tuple[str, str], Configuration | None] = dict.fromkeys(keys)
        requested = [_key(user_id, _PREFIX + config_id) for user_id, config_id in found]
        for item in await self._calls.batch_get(self.name, requested):
            each = _configuration(item)
            found[each.user_id, each.config_id] = each
        return found

    async def page(self, user_id: str, after: str | None, limit: int) -> tuple[Sequence[Configuration], bool]:
        """Returns at most `limit` configurations ordered by id, after the id `after`, and whether more follow. Skips
        configurations of other programs whose id is not valid in our URLs."""
        items, more = await self._items(user_id, after, limit)
        found = [_configuration(item) for item in items]
        return [each for each in found if CONFIG_ID.fullmatch(each.config_id)], more

    async def create(self, user_id: str, draft: Draft) -> Configuration:
        """Creates a configuration with a new id. Raises NameTaken or TooMany. Concurrent calls may exceed the limit."""
        others, _ = await self._items(user_id, None, _MAX_READ)
        if len(others) >= MAX_CONFIGURATIONS:
            raise TooMany
        _check_name(draft.name, others)
        config_id = self._new_id()
        item: StoredItem = {
            **_key(user_id, _PREFIX + config_id),
            **_attributes(draft.name, draft.tickers, draft.status),
            "revision": {"N": "1"},
            SINCE: {"S": since(draft.tickers, self._now_ms())},
        }
        put = {"Put": {"TableName": self.name, "Item": item, "ConditionExpression": "attribute_not_exists(PK)"}}
        for _ in range(_ATTEMPTS):
            if await self._written([put, *(await self._claim_name(user_id, config_id, draft.name))]):
                return _configuration(item)
        raise _conflict()

    async def change(self, user_id: str, config_id: str, edit: Edit, matches: Sequence[str]) -> Configuration | None:
        """Changes a configuration if its ETag is in `matches`; None if it does not exist. Raises Mismatch or
        NameTaken."""
        for _ in range(_ATTEMPTS):
            item = await self._item(user_id, _PREFIX + config_id)
            if item is None:
                return None
            _check_match(item, matches)
            before = _configuration(item)
            wanted = _attributes(edit.name, edit.tickers, edit.status)
            if all(item.get(name) == value for name, value in wanted.items()):
                return before
            if edit.tickers is not None and set(edit.tickers) != set(before.tickers):
                wanted[SINCE] = {"S": since(edit.tickers, self._now_ms())}
            wanted["revision"] = {"N": str(_revision(item) + 1)}
            update = {
                "TableName": self.name,
                "Key": _key(user_id, _PREFIX + config_id),
                "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in wanted),
                **_unchanged(item, wanted),
            }
            writes: list[dict[str, Any]] = [{"Update": update}]
            if edit.name is not None and normalised(edit.name) != normalised(before.name):
                others, _ = await self._items(user_id, None, _MAX_READ)
                _check_name(edit.name, [other for other in others if other["SK"] != item["SK"]])
                writes += await self._claim_name(user_id, config_id, edit.name)
                writes += await self._release_name(user_id, config_id, before.name)
            if await self._written(writes):
                return _configuration({**item, **wanted})
        raise _conflict()

    async def delete(self, user_id: str, config_id: str, matches: Sequence[str]) -> bool:
        """Deletes a configuration if its ETag is in `matches`; False if it does not exist. Raises Mismatch."""
        for _ in range(_ATTEMPTS):
            item = await self._item(user_id, _PREFIX + config_id)
            if item is None:
                return False
            _check_match(item, matches)
            delete = {"TableName": self.name, "Key": _key(user_id, _PREFIX + config_id), **_unchanged(item)}
            release = await self._release_name(user_id, config_id, _configuration(item).name)
            if await self._written([{"Delete": delete}, *release]):
                return True
        raise _conflict()

    async def _claim_name(self, user_id: str, config_id: str, name: str) -> list[dict[str, Any]]:
        """Returns the writes that set the guard of a name, if no other configuration has the name. Raises NameTaken."""
        guard = await self._item(user_id, _guard(name))
        owner = None if guard is None else _owner(guard)
        put: dict[str, Any] = {
            "TableName": self.name,
            "Item": {**_key(user_id, _guard(name)), "config_id": {"S": config_id}},
            "ConditionExpression": "attribute_not_exists(PK)",
        }
        if guard is None:
            return [{"Put": put}]
        put["ConditionExpression"] = "attribute_not_exists(config_id)" if owner is None else "config_id = :owner"
        if owner is None or owner == config_id:
            values = {} if owner is None else {"ExpressionAttributeValues": {":owner": {"S": owner}}}
            return [{"Put": {**put, **values}}]
        # Another configuration owns the guard. Another program may have deleted or renamed it without the guard.
        other = await self._item(user_id, _PREFIX + owner)
        if other is not None and normalised(_configuration(other).name) == normalised(name):
            raise NameTaken
        unchanged = {"ConditionExpression": "attribute_not_exists(PK)"} if other is None else _unchanged(other)
        check = {"TableName": self.name, "Key": _key(user_id, _PREFIX + owner), **unchanged}
        return [{"Put": {**put, "ExpressionAttributeValues": {":owner": {"S": owner}}}}, {"ConditionCheck": check}]

    async def _release_name(self, user_id: str, config_id: str, name: str) -> list[dict[str, Any]]:
        """Returns the write that deletes the guard of a name, if the configuration owns the guard."""
        guard = await self._item(user_id, _guard(name))
        if guard is None or _owner(guard) != config_id:
            return []
        delete = {
            "TableName": self.name,
            "Key": _key(user_id, _guard(name)),
            "ConditionExpression": "config_id = :owner",
            "ExpressionAttributeValues": {":owner": {"S": config_id}},
        }
        return [{"Delete": delete}]

    async def _item(self, user_id: str, sort_key: str) -> StoredItem | None:
        response = await self._calls(
            "dynamodb:GetItem",
            lambda client: client.get_item(TableName=self.name, Key=_key(user_id, sort_key), ConsistentRead=True),
        )
        return response.get("Item")

    async def _items(self, user_id: str, after: str | None, limit: int) -> tuple[Sequence[StoredItem], bool]:
        """Makes one request. Returns items, and whether more follow, also if AWS cut the response at 1 MB."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :user AND begins_with(SK, :prefix)",
            "ExpressionAttributeValues": {":user": _key(user_id, "")["PK"], ":prefix": {"S": _PREFIX}},
            "ConsistentRead": True,
            "Limit": limit + 1,
        }
        if after is not None:
            request["ExclusiveStartKey"] = _key(user_id, _PREFIX + after)
        response = await self._calls("dynamodb:Query", lambda client: client.query(**request))
        items = response["Items"]
        return items[:limit], len(items) > limit or "LastEvaluatedKey" in response

    async def _written(self, writes: Sequence[dict[str, Any]]) -> bool:
        """Writes one transaction. Returns False if a condition failed, because an item was changed since it was read.
        With the token, a retry after a lost response does not write twice."""
        token = secrets.token_hex(16)
        try:
            await self._calls(
                "dynamodb:TransactWriteItems",
                lambda client: client.transact_write_items(TransactItems=writes, ClientRequestToken=token),  # type: ignore[arg-type]
            )
        except TransactionRefused as refused:
            if "ConditionalCheckFailed" in refused.codes:
                return False
            raise TableError(f"dynamodb:TransactWriteItems: {refused}") from None
        return True


def _key(user_id: str, sort_key: str) -> dict[str, Any]:
    return {"PK": {"S": f"USER#{user_id}"}, "SK": {"S": sort_key}}


def _guard(name: str) -> str:
    """Returns the sort key of a name's guard: a digest, because a name may be longer than a sort key."""
    digest = hashlib.sha256(normalised(name).encode()).digest()[:16]
    return f"NAME#{base64.urlsafe_b64encode(digest).decode('ascii').rstrip('=')}"


def _owner(guard: StoredItem) -> str | None:
    owner = plain(guard).get("config_id")
    return owner if isinstance(owner, str) else None


def _configuration(item: StoredItem) -> Configuration:
    user_id, config_id = item["PK"]["S"].removeprefix("USER#"), item["SK"]["S"].removeprefix(_PREFIX)
    return read_configuration(user_id, config_id, plain(item))


def _attributes(name: str | None, tickers: Sequence[str] | None, status: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if name is not None:
        given["name"] = {"S": name}
    if tickers is not None:
        given["tickers"] = {"L": [{"S": ticker} for ticker in tickers]}
    if status is not None:
        given["status"] = {"S": status}
    return given


def _revision(item: StoredItem) -> int:
    """Returns the revision; 0 if another program stored an invalid or too large one."""
    number = item.get("revision", {}).get("N", "0")
    return int(number) if len(number) <= 15 and number.isdigit() else 0


def _unchanged(item: StoredItem, wanted: Mapping[str, Any] = MappingProxyType({})) -> dict[str, Any]:
    """Returns the condition that the content is as in `item`, with its names and values, and those of `wanted`."""
    conditions = ["attribute_exists(PK)"]
    conditions += [f"#{name} = :read_{name}" if name in item else f"attribute_not_exists(#{name})" for name in STORED]
    values = {f":read_{name}": item[name] for name in STORED if name in item}
    values |= {f":{name}": value for name, value in wanted.items()}
    return {
        "ConditionExpression": " AND ".join(conditions),
        "ExpressionAttributeNames": {f"#{name}": name for name in (*STORED, *wanted)},
        **({"ExpressionAttributeValues": values} if values else {}),
    }


def _conflict() -> TableError:
    return TableError("dynamodb:TransactWriteItems: concurrent writes of the same items")


def _check_match(item: StoredItem, matches: Sequence[str]) -> None:
    if ANY not in matches and etag(plain(item)) not in matches:
        raise Mismatch


def _check_name(name: str, others: Sequence[StoredItem]) -> None:
    if any(normalised(_configuration(other).name) == normalised(name) for other in others):
        raise NameTaken
