"""Configurations on an engine that others wrote: conditions, transactions, and what foreign writers leave behind."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from streamer.aws.clients import connect_table
from streamer.aws.worker import Worker
from streamer.configuration import MAX_CONFIGURATIONS, Configuration, Draft, Edit, Mismatch, NameTaken, TooMany
from streamer.errors import TableError
from streamer.local.provision import provision
from streamer.tables.configurations import ANY, ConfigurationTable
from tests.unit.tables.fakes import calls

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CHIPS = Draft("Chips", ("NVDA", "AMD"))


@pytest.fixture
def client(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[DynamoDBClient]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    provision(endpoint)
    client = connect_table()
    for item in client.scan(TableName="users")["Items"]:
        client.delete_item(TableName="users", Key={"PK": item["PK"], "SK": item["SK"]})
    yield client
    client.close()


@pytest.fixture
def table(client: DynamoDBClient) -> ConfigurationTable:
    return of(client)


def of(client: Any, worker: Any = None, **given: Any) -> ConfigurationTable:
    return ConfigurationTable(calls(client, worker), "users", **given)


def rows(client: DynamoDBClient) -> dict[str, dict[str, Any]]:
    return {item["SK"]["S"]: item for item in client.scan(TableName="users")["Items"]}


def put(client: DynamoDBClient, config_id: str, **attributes: Any) -> None:
    """Writes as somebody who knows nothing of guards and revisions."""
    item: dict[str, Any] = {
        "PK": {"S": "USER#ada"},
        "SK": {"S": f"CONFIG#{config_id}"},
        "name": {"S": "Chips"},
        "tickers": {"L": [{"S": "NVDA"}]},
        "status": {"S": "active"},
    }
    client.put_item(TableName="users", Item=item | attributes)


async def test_what_is_created_is_there_for_its_user_alone(table: ConfigurationTable) -> None:
    made = await table.create("ada", CHIPS)
    assert await table.get("ada", made.config_id) == made
    assert (made.name, made.tickers, made.status) == ("Chips", ("NVDA", "AMD"), "active")
    assert await table.get("grace", made.config_id) is None
    assert await table.page("grace", None, 10) == ([], False)
    assert await table.page("ada", None, 10) == ([made], False)
    assert (await table.create("grace", CHIPS)).name == "Chips"


async def test_a_name_is_one_configuration_s_until_it_gives_it_up(
    table: ConfigurationTable, client: DynamoDBClient
) -> None:
    first = await table.create("ada", CHIPS)
    with pytest.raises(NameTaken):
        await table.create("ada", Draft("  ｃhips", ("F",)))
    second = await table.create("ada", Draft("Cars", ("F",)))
    with pytest.raises(NameTaken):
        await table.change("ada", second.config_id, Edit(name="CHIPS"), [second.etag])
    renamed = await table.change("ada", first.config_id, Edit(name="Silicon"), [first.etag])
    assert renamed is not None
    taken = await table.change("ada", second.config_id, Edit(name="chips"), [second.etag])
    assert taken is not None
    assert await table.delete("ada", second.config_id, [taken.etag])
    assert (await table.create("ada", CHIPS)).name == "Chips"
    assert len([key for key in rows(client) if key.startswith("NAME#")]) == 2


async def test_the_second_of_two_tabs_is_told(table: ConfigurationTable) -> None:
    made = await table.create("ada", CHIPS)
    changed = await table.change("ada", made.config_id, Edit(tickers=("F",)), [made.etag])
    assert changed is not None
    assert (changed.tickers, changed.name) == (("F",), "Chips")
    for write in (
        lambda: table.change("ada", made.config_id, Edit(tickers=("GM",)), [made.etag]),
        lambda: table.delete("ada", made.config_id, [made.etag]),
        lambda: table.change("ada", made.config_id, Edit(tickers=("GM",)), ["W/" + changed.etag]),
    ):
        with pytest.raises(Mismatch):
            await write()
    assert await table.get("ada", made.config_id) == changed
    back = await table.change("ada", made.config_id, Edit(tickers=("NVDA", "AMD")), ['"other"', changed.etag])
    assert back is not None
    assert back.etag != made.etag, "there and back again is another version"
    assert await table.change("ada", made.config_id, Edit(status="disabled"), [ANY]) is not None


async def test_a_change_that_changes_nothing_is_no_write(table: ConfigurationTable) -> None:
    made = await table.create("ada", CHIPS)
    assert await table.change("ada", made.config_id, Edit(name="Chips", tickers=("NVDA", "AMD")), [made.etag]) == made


async def test_what_is_not_there_is_none_whatever_was_asked(table: ConfigurationTable) -> None:
    made = await table.create("ada", CHIPS)
    assert await table.delete("ada", made.config_id, [made.etag])
    assert await table.get("ada", made.config_id) is None
    assert await table.change("ada", made.config_id, Edit(name="x"), [made.etag]) is None
    assert await table.change("grace", made.config_id, Edit(name="x"), [ANY]) is None
    assert not await table.delete("ada", made.config_id, [ANY])


async def test_pages_are_by_id_and_end(table: ConfigurationTable) -> None:
    made = sorted([(await table.create("ada", Draft(f"n{n}", ("F",)))).config_id for n in range(5)])
    found: list[str] = []
    more, pages = True, 0
    while more:
        page, more = await table.page("ada", found[-1] if found else None, 2)
        found += [each.config_id for each in page]
        pages += 1
    assert (found, pages) == (made, 3)
    assert len((await table.page("ada", None, 5))[0]) == 5
    assert (await table.page("ada", None, 5))[1] is False


async def test_an_id_that_no_url_can_name_is_left_out(table: ConfigurationTable, client: DynamoDBClient) -> None:
    for number, config_id in enumerate(("a", "b c", "b/../c", "d")):
        put(client, config_id, name={"S": f"n{number}"})
    assert [each.config_id for each in (await table.page("ada", None, 10))[0]] == ["a", "d"]


@pytest.mark.slow("makes as many as there may be")
async def test_there_is_an_end_to_how_many(table: ConfigurationTable) -> None:
    for number in range(MAX_CONFIGURATIONS):
        await table.create("ada", Draft(f"n{number}", ("F",)))
    with pytest.raises(TooMany):
        await table.create("ada", CHIPS)


async def test_a_foreign_writer_s_configuration_can_be_read_changed_and_deleted(
    table: ConfigurationTable, client: DynamoDBClient
) -> None:
    put(client, "seeded", note={"S": "kept"})
    seeded = await table.get("ada", "seeded")
    assert seeded is not None
    with pytest.raises(NameTaken):
        await table.create("ada", CHIPS)
    changed = await table.change("ada", "seeded", Edit(tickers=("F",)), [seeded.etag])
    assert changed is not None
    assert rows(client)["CONFIG#seeded"]["note"] == {"S": "kept"}

    put(client, "seeded", tickers={"L": [{"S": "IBM"}]})  # replaces it, revision and all
    with pytest.raises(Mismatch):
        await table.change("ada", "seeded", Edit(tickers=("GM",)), [changed.etag])
    again = await table.get("ada", "seeded")
    assert again is not None
    assert await table.change("ada", "seeded", Edit(name="Big blue"), [again.etag]) is not None
    assert await table.delete("ada", "seeded", [ANY])
    assert rows(client) == {}


async def test_a_foreign_write_in_between_is_no_lost_update(
    table: ConfigurationTable, client: DynamoDBClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(client, "seeded", revision={"N": "7"})
    seeded = await table.get("ada", "seeded")
    assert seeded is not None
    write = table._written

    async def crossed(writes: Any) -> bool:
        monkeypatch.setattr(table, "_written", write)
        put(client, "seeded", revision={"N": "7"}, tickers={"L": [{"S": "IBM"}]})  # the revision as it was
        return await write(writes)

    monkeypatch.setattr(table, "_written", crossed)
    with pytest.raises(Mismatch):
        await table.change("ada", "seeded", Edit(tickers=("F",)), [seeded.etag])


@pytest.mark.parametrize("left", ["deleted", "renamed"])
async def test_a_name_whose_guard_a_foreign_writer_left_behind_is_free(
    table: ConfigurationTable, client: DynamoDBClient, left: str
) -> None:
    made = await table.create("ada", CHIPS)
    if left == "deleted":
        client.delete_item(TableName="users", Key={"PK": {"S": "USER#ada"}, "SK": {"S": f"CONFIG#{made.config_id}"}})
    else:
        put(client, made.config_id, name={"S": "Silicon"})
    again = await table.create("ada", CHIPS)
    with pytest.raises(NameTaken):
        await table.create("ada", CHIPS)
    if left == "renamed":
        assert await table.delete("ada", made.config_id, [ANY])
    with pytest.raises(NameTaken):
        await table.create("ada", CHIPS)
    assert await table.delete("ada", again.config_id, [ANY])
    assert rows(client) == {}


class Serial:
    """A client whose transactions are isolated from each other, as AWS's are and moto's are not."""

    def __init__(self, client: DynamoDBClient) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        with self._lock:
            return self._client.transact_write_items(**request)


async def test_of_many_who_want_one_name_at_once_one_gets_it(client: DynamoDBClient) -> None:
    worker = Worker("test", threads=8)
    table = of(Serial(client), worker)

    async def create() -> Configuration | None:
        try:
            return await table.create("ada", CHIPS)
        except NameTaken:
            return None

    made = [each for each in await asyncio.gather(*(create() for _ in range(8))) if each is not None]
    assert len(made) == 1
    assert [each.name for each in (await table.page("ada", None, 10))[0]] == ["Chips"]
    worker.close()


async def test_of_many_who_change_one_version_at_once_one_does(client: DynamoDBClient) -> None:
    worker = Worker("test", threads=8)
    table = of(Serial(client), worker)
    made = await table.create("ada", CHIPS)

    async def change(number: int) -> bool:
        try:
            return await table.change("ada", made.config_id, Edit(tickers=(f"T{number}",)), [made.etag]) is not None
        except Mismatch:
            return False

    assert sum(await asyncio.gather(*map(change, range(8)))) == 1
    worker.close()


class Refusing:
    """A client whose next transactions come to what a script says."""

    def __init__(self, client: DynamoDBClient, script: list[Exception]) -> None:
        self._client = client
        self.script = script
        self.tokens: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def transact_write_items(self, **request: Any) -> Any:
        self.tokens.append(request["ClientRequestToken"])
        if self.script:
            raise self.script.pop(0)
        return self._client.transact_write_items(**request)


def error(code: str, status: int = 400, reasons: tuple[str, ...] = ()) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "arn:aws:dynamodb:secret"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    if reasons:
        answer["CancellationReasons"] = [{"Code": reason} for reason in reasons]
    return ClientError(answer, "TransactWriteItems")


async def test_a_write_is_tried_again_as_the_same_write(client: DynamoDBClient) -> None:
    refusing: Any = Refusing(
        client,
        [
            error("InternalServerError", 500),
            error("TransactionCanceledException", reasons=("TransactionConflict", "None")),
            error("ThrottlingException"),
        ],
    )
    made = await of(refusing).create("ada", CHIPS)
    assert made.name == "Chips"
    assert len(refusing.tokens) == 4
    assert len(set(refusing.tokens)) == 1, "or an answer that was lost would come back as a conflict"


@pytest.mark.parametrize(
    "refused",
    [
        error("AccessDeniedException"),
        error("TransactionCanceledException", reasons=("ValidationError", "None")),
    ],
)
async def test_what_aws_refuses_is_a_table_error_without_its_message(
    client: DynamoDBClient, refused: ClientError
) -> None:
    refusing: Any = Refusing(client, [refused])
    with pytest.raises(TableError) as raised:
        await of(refusing).create("ada", CHIPS)
    assert "secret" not in str(raised.value)
    assert rows(client) == {}


async def test_what_keeps_conflicting_is_a_table_error(client: DynamoDBClient) -> None:
    conflict = error("TransactionCanceledException", reasons=("TransactionConflict",))
    refusing: Any = Refusing(client, [conflict] * 100)
    with pytest.raises(TableError):
        await of(refusing).create("ada", CHIPS)
    assert len(refusing.tokens) == 4


async def test_since_when_its_tickers_are_these_is_kept_and_not_believed_of_others(client: DynamoDBClient) -> None:
    now = 1_000
    table = of(client, now_ms=lambda: now)
    made = await table.create("ada", CHIPS)
    config_id, now = made.config_id, 2_000
    assert made.changed_ms == 1_000
    for edit, since in (
        (Edit(name="Other"), 1_000),
        (Edit(tickers=("AMD", "NVDA")), 1_000),
        (Edit(status="disabled"), 1_000),
        (Edit(tickers=("AMD",)), 2_000),
    ):
        changed = await table.change("ada", config_id, edit, [ANY])
        assert changed is not None
        assert changed.changed_ms == since, edit
        assert await table.get("ada", config_id) == changed
    client.update_item(
        TableName="users",
        Key={"PK": {"S": "USER#ada"}, "SK": {"S": f"CONFIG#{config_id}"}},
        UpdateExpression="SET tickers = :tickers",
        ExpressionAttributeValues={":tickers": {"L": [{"S": "F"}]}},
    )
    found = await table.get("ada", config_id)
    assert found is not None
    assert found.changed_ms is None, "whoever changed them did not say when"


async def test_many_are_read_in_batches(client: DynamoDBClient, table: ConfigurationTable) -> None:
    for number in range(130):
        put(client, f"c{number}")
    found = await table.read([*(("ada", f"c{number}") for number in range(130)), ("ada", "c1"), ("grace", "c1")])
    assert len(found) == 131
    assert found["grace", "c1"] is None
    assert {each.config_id for each in found.values() if each is not None} == {f"c{number}" for number in range(130)}
