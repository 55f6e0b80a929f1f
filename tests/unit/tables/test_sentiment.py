"""Reads of the table: all that is asked for, nothing more, in as many requests as it takes and no Scan."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import product
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.change import GONE, LABELS, PENDING, Item, Key, iso_time
from streamer.errors import TableError
from streamer.tables.index import EXPIRY, VISIBLE
from streamer.tables.sentiment import SentimentTable
from streamer.telemetry.counters import Counters
from tests.factories import NOW_MS, state
from tests.unit.intake.fakes import refusal, silence
from tests.unit.tables.fakes import NAME, FakeDynamo, after, back
from tests.watchdog import WATCHDOG

THROTTLED = "ProvisionedThroughputExceededException"
EVERYTHING, LAST = "2000", "9999"


def key(number: int, age_ms: int = 0) -> Key:
    return Key(f"wire:{number}", iso_time(NOW_MS - age_ms))


def filled(count: int) -> FakeDynamo:
    dynamo = FakeDynamo()
    for number in range(count):
        dynamo.put(key(number, number), sorted(LABELS)[number % 3])
    return dynamo


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long each pause between two attempts would last, at most; none of them does."""
    asked: list[float] = []

    def uniform(low: float, high: float) -> float:
        assert low == 0
        asked.append(high)
        return 0.0

    monkeypatch.setattr("random.uniform", uniform)
    return asked


async def test_it_finds_what_is_after_a_time_under_every_label_and_nothing_else() -> None:
    dynamo = filled(6)
    dynamo.put(key(7), None)
    dynamo.put(key(8), "bullish")
    dynamo.put(key(9, -10 * 86_400_000))
    rows = dict(await after(dynamo.table(), iso_time(NOW_MS - 3)))
    assert set(rows) == {key(0, 0), key(1, 1), key(2, 2), key(9, -10 * 86_400_000)}, "strictly after, without an end"
    assert rows[key(0)] == Item(state("negative"))


async def test_pages_are_followed_to_their_end_even_over_an_empty_one() -> None:
    for page, hesitates in product((1, 2, 3, 7, 1_000), (False, True)):
        dynamo = filled(18)
        dynamo.page, dynamo.hesitates = page, hesitates
        found = await after(dynamo.table(), EVERYTHING)
        assert Counter(row[0] for row in found) == Counter(list(dynamo.items))
        backward = [row for rows, _ in await back(dynamo.table(), LAST, EVERYTHING) for row in rows]
        assert Counter(row[0] for row in backward) == Counter(list(dynamo.items))


async def test_it_asks_only_for_what_is_visible_and_never_for_a_scan() -> None:
    dynamo = filled(3)
    dynamo.put(key(1), article={"S": "text"})
    table = dynamo.table()
    await after(table, EVERYTHING)
    await table.read([key(1)])
    list(await back(table, LAST, EVERYTHING))
    assert {operation for operation, _ in dynamo.requests} == {"query", "batch_get_item"}
    for operation, request in dynamo.requests:
        asked = request if operation == "query" else request[NAME]
        names = asked["ExpressionAttributeNames"]
        expiry = set() if request.get("ScanIndexForward") is False else {EXPIRY}
        assert {names[name] for name in asked["ProjectionExpression"].split(",")} == {*VISIBLE, *expiry}
    assert "article" not in VISIBLE
    for request in dynamo.asked("query"):
        assert (request["TableName"], request["IndexName"]) == (NAME, "by_sentiment")


async def test_queries_and_consistent_reads_bring_the_expiry() -> None:
    dynamo = filled(2)
    dynamo.put(key(1, 1), ttl_timestamp={"N": "1795359400"})
    for rows in (await after(dynamo.table(), EVERYTHING), await dynamo.table().read([key(0), key(1, 1)])):
        assert {found: item.expires_at for found, item in rows} == {key(0): None, key(1, 1): 1_795_359_400}


async def test_an_index_without_the_expiry_is_asked_without_it_from_then_on() -> None:
    dynamo = filled(9)
    dynamo.page = 2
    dynamo.script["query"] = [refusal("ValidationException")]
    table = dynamo.table()
    for asks in (True, False):
        dynamo.requests.clear()
        assert {found for found, _ in await after(table, EVERYTHING)} == set(dynamo.items)
        with_expiry = [EXPIRY in request["ProjectionExpression"] for request in dynamo.asked("query")]
        assert with_expiry == [asks] + [False] * (len(with_expiry) - 1)
    dynamo.requests.clear()
    await table.read([key(0)])
    (batch,) = dynamo.asked("batch_get_item")
    assert EXPIRY in batch[NAME]["ProjectionExpression"], "the table itself has it"


async def test_a_query_that_is_refused_for_another_reason_fails() -> None:
    dynamo = filled(1)
    dynamo.script["query"] += [refusal("ValidationException")] * 2 + [refusal("AccessDeniedException")]
    table = dynamo.table()
    for _ in range(2):
        with pytest.raises(TableError):
            await after(table, EVERYTHING)
    await after(table, EVERYTHING)
    assert EXPIRY in dynamo.asked("query")[-1]["ProjectionExpression"], "a query with it has not been refused alone"


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ({"score": {"N": "2"}}, "score"),
        ({"score": {"S": "0.5"}}, "score"),
        ({"matched_tickers": {"L": []}}, "tickers"),
        ({"confidence": {"N": "-1"}}, "confidence"),
    ],
)
async def test_an_item_that_breaks_a_rule_is_found_and_names_it(attributes: dict[str, Any], fault: str) -> None:
    dynamo = FakeDynamo()
    dynamo.put(key(1), "positive", **attributes)
    ((_, item),) = await after(dynamo.table(), EVERYTHING)
    assert (item.state, item.fault) == (None, fault)


async def test_an_item_whose_key_is_none_is_found_and_names_it() -> None:
    dynamo = FakeDynamo()
    odd = Key("wire:1", "tomorrow")
    dynamo.put(odd)
    assert await after(dynamo.table(), EVERYTHING) == [(odd, Item(None, "unscored", "key"))]


async def test_single_items_are_read_consistently_each_once_and_absent_ones_are_gone() -> None:
    dynamo = filled(250)
    dynamo.put(key(500), None)
    wanted = [*dynamo.items, *dynamo.items, key(400)]
    rows = await dynamo.table().read(wanted)
    assert Counter(row[0] for row in rows) == Counter({*dynamo.items, key(400)})
    assert dict(rows)[key(400)] == GONE
    assert dict(rows)[key(500)] == PENDING
    batches = [request[NAME] for request in dynamo.asked("batch_get_item")]
    assert [len(batch["Keys"]) for batch in batches] == [100, 100, 52]
    assert all(batch["ConsistentRead"] is True for batch in batches)


async def test_nothing_wanted_is_no_request() -> None:
    dynamo = FakeDynamo()
    assert await dynamo.table().read([]) == []
    assert not dynamo.requests


async def test_keys_left_for_later_are_asked_for_again(pauses: list[float]) -> None:
    dynamo = filled(100)
    dynamo.unprocessed = [90, 40, 0]
    rows = await dynamo.table().read(dynamo.items)
    assert Counter(row[0] for row in rows) == Counter(list(dynamo.items))
    assert GONE not in dict(rows).values()
    assert [len(request[NAME]["Keys"]) for request in dynamo.asked("batch_get_item")] == [100, 90, 40]
    assert all(request[NAME]["ConsistentRead"] for request in dynamo.asked("batch_get_item"))
    assert len(pauses) == 2


async def test_keys_that_are_always_left_are_an_error_and_not_gone(pauses: list[float]) -> None:
    dynamo = filled(3)
    dynamo.unprocessed = [1] * 9
    with pytest.raises(TableError) as caught:
        await dynamo.table().read(dynamo.items)
    assert str(caught.value) == "dynamodb:BatchGetItem: throttled, keys are left unprocessed"
    assert len(dynamo.requests) == 5


Read = Callable[[SentimentTable], Awaitable[object]]
READS: list[tuple[str, str, Read]] = [
    ("query", "dynamodb:Query", lambda table: after(table, EVERYTHING)),
    ("query", "dynamodb:Query", lambda table: back(table, LAST, EVERYTHING)),
    ("batch_get_item", "dynamodb:BatchGetItem", lambda table: table.read([key(1, 1)])),
]


@pytest.mark.parametrize(("operation", "action", "read"), READS)
async def test_where_aws_asks_for_patience_up_to_five_attempts_are_made(
    operation: str, action: str, read: Read, pauses: list[float]
) -> None:
    dynamo = filled(3)
    dynamo.script[operation] = [refusal(THROTTLED), refusal("InternalServerError"), refusal("ThrottlingException")]
    dynamo.script[operation].append(
        ClientError({"Error": {"Code": "Strange"}, "ResponseMetadata": {"HTTPStatusCode": 503}}, "Query")  # type: ignore[typeddict-item]
    )
    assert await read(dynamo.table())
    assert pauses == [0.1, 0.2, 0.4, 0.8], "full jitter: from 0 to these"

    dynamo.requests.clear()
    dynamo.script[operation] = [refusal(THROTTLED, "the table arn:aws:dynamodb:us-east-1:1:table/x")] * 9
    with pytest.raises(TableError) as caught:
        await read(dynamo.table())
    assert str(caught.value) == f"{action}: {THROTTLED}"
    assert len(dynamo.requests) == 5


@pytest.mark.parametrize(("operation", "action", "read"), READS)
@pytest.mark.parametrize(
    ("error", "words"),
    [
        (refusal("AccessDeniedException", "User: arn:aws:iam::1:user/x"), "AccessDeniedException"),
        (refusal("ResourceNotFoundException"), "ResourceNotFoundException"),
        (silence(), "ConnectTimeoutError"),
        (ReadTimeoutError(endpoint_url="https://dynamodb"), "ReadTimeoutError"),
    ],
)
async def test_what_patience_does_not_mend_is_an_error_at_once(
    operation: str,
    action: str,
    read: Read,
    error: Exception,
    words: str,
    pauses: list[float],
) -> None:
    dynamo = filled(3)
    dynamo.script[operation] = [error]
    with pytest.raises(TableError) as caught:
        await read(dynamo.table())
    assert str(caught.value) == f"{action}: {words}"
    assert len(dynamo.requests) == 1
    assert not pauses


async def test_a_cancel_ends_the_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("random.uniform", lambda _low, _high: 2 * WATCHDOG)
    dynamo, asked = filled(3), asyncio.Event()
    dynamo.script["query"] = [refusal(THROTTLED)] * 9
    dynamo.before["query"] = asked.set
    reading = asyncio.create_task(after(dynamo.table(), EVERYTHING))
    await asked.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert len(dynamo.requests) == 1


# The walk back


async def test_the_walk_back_is_newest_first_one_request_a_step() -> None:
    dynamo = filled(30)
    dynamo.page = 4
    seen: list[str] = []
    requests = 0
    walk = dynamo.table().back(iso_time(NOW_MS - 3), iso_time(NOW_MS - 20))
    while not walk.ended:
        rows, reached = await walk.next()
        assert len(dynamo.requests) - requests <= 1
        requests = len(dynamo.requests)
        assert all(row[0].timestamp >= reached for row in rows)
        seen += [row[0].timestamp for row in rows]
    assert sorted(seen) == sorted(iso_time(NOW_MS - age) for age in range(3, 21)), "both ends are of it"
    assert all(request["ScanIndexForward"] is False and request["Limit"] == 500 for request in dynamo.asked("query"))


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.sampled_from(sorted(LABELS))), max_size=60),
    st.integers(1, 12),
    st.integers(0, 40),
    st.integers(0, 40),
)
async def test_whatever_the_pages_and_labels_all_after_the_time_it_tells_has_been_given(
    written: list[tuple[int, str]], page: int, first: int, second: int
) -> None:
    dynamo = FakeDynamo()
    dynamo.page = page
    for number, (age, label) in enumerate(written):
        dynamo.put(key(number, age), label)
    before, until = iso_time(NOW_MS - min(first, second)), iso_time(NOW_MS - max(first, second))
    wanted = {one for one in dynamo.items if until <= one.timestamp <= before}
    given_so_far: Counter[Key] = Counter()
    reached = before
    for rows, now_reached in await back(dynamo.table(), before, until):
        assert now_reached <= reached
        reached = now_reached
        given_so_far.update(row[0] for row in rows)
        assert set(given_so_far) >= {one for one in wanted if one.timestamp > reached}
    assert reached == until
    assert given_so_far == Counter(wanted)


async def test_each_request_is_counted_and_each_attempt_is_one(pauses: list[float]) -> None:
    dynamo, counters = filled(5), Counters()
    dynamo.script["query"] += [refusal(THROTTLED)]
    table = dynamo.table(counters)
    await after(table, EVERYTHING)
    await table.read([key(1)])
    await table.back(LAST, EVERYTHING).next()
    assert counters["table_requests"] == len(dynamo.requests) == 6
