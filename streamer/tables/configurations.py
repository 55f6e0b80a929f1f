"""The users table: one user's configurations, each under its own key, and a guard for each of their names.

    PK = USER#{user_id}   SK = CONFIG#{config_id}   name, tickers, status, revision, tickers_since
                          SK = NAME#{digest}        config_id: who has this name

Every write is one transaction whose conditions are what was read before: the content of the configuration (not only
`revision`, which a foreign writer does not know), and the guard's owner. A guard that a foreign writer left behind, or
never made, is found out by reading what it stands for, and repaired by the write that meets it.
https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
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
"""An If-Match that any content matches."""
_ROUNDS: Final = 4  # of a write that others keep crossing
_PREFIX: Final = "CONFIG#"
_MOST_READ: Final = 200  # configurations of one user that a name is compared with; a foreign writer can make more

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
        """As it stands now: one key, consistently."""
        item = await self._item(user_id, _PREFIX + config_id)
        return None if item is None else _configuration(item)

    async def read(self, keys: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Configuration | None]:
        """These of (user id, configuration id) as they stand now, consistently; None: there is none."""
        wanted = list(dict.fromkeys(keys))
        found: dict[tuple[str, str], Configuration | None] = dict.fromkeys(wanted)
        asked = [_key(user_id, _PREFIX + config_id) for user_id, config_id in wanted]
        for item in await self._calls.batch_get(self.name, asked):
            each = _configuration(item)
            found[each.user_id, each.config_id] = each
        return found

    async def page(self, user_id: str, after: str | None, limit: int) -> tuple[Sequence[Configuration], bool]:
        """At most `limit` of them behind the id `after`, by id; and whether more follow. One whose id, a foreign
        writer's, no URL of ours can name is left out."""
        items, more = await self._items(user_id, after, limit)
        found = [_configuration(item) for item in items]
        return [each for each in found if CONFIG_ID.fullmatch(each.config_id)], more

    async def create(self, user_id: str, draft: Draft) -> Configuration:
        """Makes one under a new id. Raises NameTaken or TooMany; who creates at the same moment may pass the limit."""
        others, _ = await self._items(user_id, None, _MOST_READ)
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
        for _ in range(_ROUNDS):
            if await self._written([put, *(await self._take_name(user_id, config_id, draft.name))]):
                return _configuration(item)
        raise TableError("dynamodb:TransactWriteItems: others write the same at the same time")

    async def change(self, user_id: str, config_id: str, edit: Edit, matches: Sequence[str]) -> Configuration | None:
        """Changes it if its etag is one of `matches`; None: there is none. Raises Mismatch or NameTaken."""
        for _ in range(_ROUNDS):
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
            condition, names, values = _as_read(item)
            names |= {f"#{name}": name for name in wanted}
            values |= {f":{name}": value for name, value in wanted.items()}
            update = {
                "Update": {
                    "TableName": self.name,
                    "Key": _key(user_id, _PREFIX + config_id),
                    "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in wanted),
                    "ConditionExpression": condition,
                    "ExpressionAttributeNames": names,
                    "ExpressionAttributeValues": values,
                }
            }
            writes = [update]
            if edit.name is not None and normalised(edit.name) != normalised(before.name):
                others, _ = await self._items(user_id, None, _MOST_READ)
                _check_name(edit.name, [other for other in others if other["SK"] != item["SK"]])
                writes += await self._take_name(user_id, config_id, edit.name)
                writes += await self._leave_name(user_id, config_id, before.name)
            if await self._written(writes):
                return _configuration({**item, **wanted})
        raise TableError("dynamodb:TransactWriteItems: others write the same at the same time")

    async def delete(self, user_id: str, config_id: str, matches: Sequence[str]) -> bool:
        """Deletes it if its etag is one of `matches`; False: there is none. Raises Mismatch."""
        for _ in range(_ROUNDS):
            item = await self._item(user_id, _PREFIX + config_id)
            if item is None:
                return False
            _check_match(item, matches)
            condition, names, values = _as_read(item)
            delete = {
                "Delete": {
                    "TableName": self.name,
                    "Key": _key(user_id, _PREFIX + config_id),
                    "ConditionExpression": condition,
                    "ExpressionAttributeNames": names,
                    **({"ExpressionAttributeValues": values} if values else {}),
                }
            }
            if await self._written([delete, *(await self._leave_name(user_id, config_id, _configuration(item).name))]):
                return True
        raise TableError("dynamodb:TransactWriteItems: others write the same at the same time")

    async def _take_name(self, user_id: str, config_id: str, name: str) -> list[dict[str, Any]]:
        """The writes that give a configuration its name, on the condition that nobody has it. Raises NameTaken."""
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
        # Somebody else's, unless a foreign writer has deleted or renamed that one and knows nothing of guards.
        other = await self._item(user_id, _PREFIX + owner)
        if other is not None and normalised(_configuration(other).name) == normalised(name):
            raise NameTaken
        still: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(PK)"}
        if other is not None:
            condition, names, values = _as_read(other)
            still = {
                "ConditionExpression": condition,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": values,
            }
        check = {"TableName": self.name, "Key": _key(user_id, _PREFIX + owner), **still}
        return [{"Put": {**put, "ExpressionAttributeValues": {":owner": {"S": owner}}}}, {"ConditionCheck": check}]

    async def _leave_name(self, user_id: str, config_id: str, name: str) -> list[dict[str, Any]]:
        """The write that gives a configuration's name back, if the guard is its own."""
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
        answer = await self._calls(
            "dynamodb:GetItem",
            lambda client: client.get_item(TableName=self.name, Key=_key(user_id, sort_key), ConsistentRead=True),
        )
        return answer.get("Item")

    async def _items(self, user_id: str, after: str | None, limit: int) -> tuple[Sequence[StoredItem], bool]:
        """One request. An answer that AWS cuts at 1 MB says that more follow."""
        request: dict[str, Any] = {
            "TableName": self.name,
            "KeyConditionExpression": "PK = :user AND begins_with(SK, :prefix)",
            "ExpressionAttributeValues": {":user": _key(user_id, "")["PK"], ":prefix": {"S": _PREFIX}},
            "ConsistentRead": True,
            "Limit": limit + 1,
        }
        if after is not None:
            request["ExclusiveStartKey"] = _key(user_id, _PREFIX + after)
        answer = await self._calls("dynamodb:Query", lambda client: client.query(**request))
        items = answer["Items"]
        return items[:limit], len(items) > limit or "LastEvaluatedKey" in answer

    async def _written(self, writes: Sequence[dict[str, Any]]) -> bool:
        """One transaction. False: what was read before is not so any more. The token makes another attempt after a lost
        answer the same write."""
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
    """A digest, because a name can be longer than a key, and any text."""
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
    """A foreign writer's may be anything, or too large to be counted on."""
    number = item.get("revision", {}).get("N", "0")
    return int(number) if len(number) <= 15 and number.isdigit() else 0


def _as_read(item: StoredItem) -> tuple[str, dict[str, str], dict[str, Any]]:
    """A condition: the content is the one that was read, attribute by attribute."""
    parts, values = ["attribute_exists(PK)"], {}
    for name in STORED:
        if name in item:
            parts.append(f"#{name} = :read_{name}")
            values[f":read_{name}"] = item[name]
        else:
            parts.append(f"attribute_not_exists(#{name})")
    return " AND ".join(parts), {f"#{name}": name for name in STORED}, values


def _check_match(item: StoredItem, matches: Sequence[str]) -> None:
    if ANY not in matches and etag(plain(item)) not in matches:
        raise Mismatch


def _check_name(name: str, others: Sequence[StoredItem]) -> None:
    if any(normalised(_configuration(other).name) == normalised(name) for other in others):
        raise NameTaken
