"""Each disturbance, as a real boto3 client meets it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

from streamer.change import Key, State, iso_time
from tests.chaos import http
from tests.chaos.injector import LONGEST_LAG, Disturbance, Injector, Listener, injecting
from tests.chaos.kinds import SERVICES, Service
from tests.chaos.writes import Write
from tests.factories import state

pytestmark = pytest.mark.slow("tests the tool behind `make chaos`")

NOW = 1_790_000_000.0
MESSAGES = [{"MessageId": str(n), "Body": f"body {n}", "ReceiptHandle": f"r{n}"} for n in range(10)]


class Upstream:
    """An AWS that answers each target with what it was given, and remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answers: dict[str, dict[str, Any]] = {
            "ReceiveMessage": {"Messages": MESSAGES},
            "ListTables": {"TableNames": ["sentiment"]},
            "Query": {"Items": [], "Count": 0},
        }

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answers the requests of one connection."""
        try:
            while True:
                request = await http.read(reader)
                target = request.header("x-amz-target").rpartition(".")[2]
                self.asked.append(target or "sns")
                text = json.dumps(self.answers.get(target, {})).encode()
                if not target:
                    text = b"<ListTopicsResponse><ListTopicsResult><Topics/></ListTopicsResult></ListTopicsResponse>"
                writer.write(http.answer("200 OK", text).encode())
                await writer.drain()
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def rig(items: dict[Key, list[Write]] | None = None) -> AsyncIterator[tuple[Injector, Upstream]]:
    upstream = Upstream()
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        async with injecting(("127.0.0.1", port), 1, SERVICES, lambda: items or {}) as injector:
            yield injector, upstream
    finally:
        server.close()
        await server.wait_closed()


def client(listener: Listener, read_timeout: float = 10) -> Any:
    config = Config(
        connect_timeout=5, read_timeout=read_timeout, retries={"mode": "standard", "total_max_attempts": 1}, proxies={}
    )
    return boto3.session.Session().client(listener.service, endpoint_url=listener.url, config=config)


CALLS: dict[Service, Callable[[Any], Any]] = {
    "sqs": lambda sqs: sqs.receive_message(QueueUrl="http://127.0.0.1/1/queue"),
    "sns": lambda sns: sns.list_topics(),
    "dynamodb": lambda dynamodb: dynamodb.list_tables(),
}


async def call(listener: Listener, **options: Any) -> Any:
    """One call in a thread, with a client of its own."""

    def do() -> Any:
        made = client(listener, **options)
        try:
            return CALLS[listener.service](made)
        finally:
            made.close()

    return await asyncio.to_thread(do)


@pytest.mark.parametrize("service", SERVICES)
async def test_what_is_left_alone_passes_and_passes_again(service: Service) -> None:
    async with rig() as (injector, upstream):
        listener = injector.listeners[0, service]
        await call(listener)
        disturbance = Disturbance("denied", 1)
        listener.disturb(disturbance)
        with pytest.raises(ClientError):
            await call(listener)
        listener.leave_alone(disturbance)
        await call(listener)
        assert len(upstream.asked) == 2
        assert disturbance.felt == 1


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(
    ("how", "codes", "status"),
    [
        ("errors", {"InternalServerError", "InternalFailure", "InternalError"}, 500),
        ("throttled", {"ProvisionedThroughputExceededException", "RequestThrottled", "Throttling"}, 400),
        ("denied", {"AccessDeniedException", "AccessDenied", "AuthorizationError"}, None),
    ],
)
async def test_a_service_says_no_in_its_own_words(service: Service, how: str, codes: set[str], status: int) -> None:
    async with rig() as (injector, _):
        listener = injector.listeners[0, service]
        listener.disturb(Disturbance(how, 2))
        with pytest.raises(ClientError) as caught:
            await call(listener)
        assert caught.value.response["Error"]["Code"] in codes
        assert status in (None, caught.value.response["ResponseMetadata"]["HTTPStatusCode"])


@pytest.mark.parametrize("service", SERVICES)
async def test_a_refused_connection_is_reset(service: Service) -> None:
    async with rig() as (injector, upstream):
        listener = injector.listeners[0, service]
        listener.disturb(Disturbance("refuse", 1))
        with pytest.raises(BotoCoreError):
            await call(listener)
        assert upstream.asked == []


async def test_a_refusal_resets_the_connections_that_stand() -> None:
    async with rig() as (injector, _):
        listener = injector.listeners[0, "sqs"]
        reader, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))
        writer.write(http.Message("POST / HTTP/1.1", (), b"").encode())
        await http.read(reader)
        listener.disturb(Disturbance("refuse", 1))
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_hanging_service_takes_the_request_and_keeps_silent(service: Service) -> None:
    async with rig() as (injector, upstream):
        listener = injector.listeners[0, service]
        listener.disturb(Disturbance("hang", 1))
        with pytest.raises(ReadTimeoutError):
            await call(listener, read_timeout=0.2)
        assert upstream.asked == []


async def test_what_hangs_is_reset_at_the_end() -> None:
    async with rig() as (injector, _):
        listener = injector.listeners[0, "sqs"]
        disturbance = Disturbance("hang", 1)
        listener.disturb(disturbance)
        reader, writer = await asyncio.open_connection("127.0.0.1", int(listener.url.rpartition(":")[2]))
        writer.write(http.Message("POST / HTTP/1.1", (), b"").encode())
        await disturbance.met.wait()
        listener.leave_alone(disturbance)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_an_answer_is_cut_after_the_service_has_done_its_work(service: Service) -> None:
    async with rig() as (injector, upstream):
        listener = injector.listeners[0, service]
        listener.disturb(Disturbance("cut", 1))
        with pytest.raises((BotoCoreError, ConnectionClosedError)):
            await call(listener)
        assert len(upstream.asked) == 1


async def test_a_delayed_answer_comes_whole() -> None:
    async with rig() as (injector, _):
        listener = injector.listeners[0, "sqs"]
        listener.disturb(Disturbance("delay", 1))
        began = time.monotonic()
        assert len((await call(listener))["Messages"]) == 10
        assert time.monotonic() - began >= 0.5


async def test_shuffled_messages_are_all_there_some_twice_and_in_another_order() -> None:
    async with rig() as (injector, upstream):
        listener = injector.listeners[0, "sqs"]
        disturbance = Disturbance("shuffled", 3)
        listener.disturb(disturbance)
        got = [message["Body"] for message in (await call(listener))["Messages"]]
        upstream.answers["ReceiveMessage"] = {}
        got += [message["Body"] for message in (await call(listener)).get("Messages", [])]
        assert set(got) == {str(message["Body"]) for message in MESSAGES}
        assert disturbance.shuffle.held
        assert disturbance.shuffle.repeated == len(got) - 10 > 0
        assert got != sorted(got)
        assert "Messages" not in await call(listener)


def written(source_id: str, *labels: str | None, first: float) -> tuple[Key, list[Write]]:
    """An item that shows each label for ten seconds."""
    key = Key(source_id, iso_time(round(first * 1000)))
    shown: list[State | None] = [None if label is None else state(label) for label in labels]
    return key, [Write(key, one, first + 10 * n, first + 10 * n) for n, one in enumerate(shown)]


async def query(listener: Listener, label: str, after: float, **options: Any) -> Any:
    """The index as the service asks it."""
    request: dict[str, Any] = {
        "TableName": "sentiment",
        "IndexName": "by_sentiment",
        "KeyConditionExpression": "sentiment = :label AND #timestamp > :after",
        "ExpressionAttributeNames": {"#timestamp": "timestamp"},
        "ExpressionAttributeValues": {":label": {"S": label}, ":after": {"S": iso_time(round(after * 1000))}},
    }

    def ask() -> Any:
        made = client(listener)
        try:
            return made.query(**request | options)
        finally:
            made.close()

    return await asyncio.to_thread(ask)


async def test_a_stale_index_answers_what_was(monkeypatch: pytest.MonkeyPatch) -> None:
    items = dict([written("one", "positive", "negative", first=NOW - 12), written("new", "positive", first=NOW)])
    async with rig(items) as (injector, upstream):
        listener = injector.listeners[0, "dynamodb"]
        listener.disturb(Disturbance("stale", 1))

        async def told(label: str, at: float) -> set[str]:
            monkeypatch.setattr("tests.chaos.injector.time.time", lambda: at)
            return {item["source_id"]["S"] for item in (await query(listener, label, NOW - 100))["Items"]}

        assert await told("positive", NOW - 1.9) == {"one"}, "its correction was a tenth of a second ago"
        assert await told("positive", NOW + LONGEST_LAG + 1) == {"new"}
        assert await told("negative", NOW + LONGEST_LAG + 1) == {"one"}
        assert upstream.asked == []


async def test_a_stale_index_honours_the_range_the_page_and_the_projection() -> None:
    items = dict(written(f"{n:02}", "positive", first=time.time() - 60 + n) for n in range(10))
    async with rig(items) as (injector, _):
        listener = injector.listeners[0, "dynamodb"]
        listener.disturb(Disturbance("stale", 1))
        after = time.time() - 60 + 5.5
        first = await query(listener, "positive", after, Limit=3, ProjectionExpression="source_id, #timestamp, score")
        assert [item["source_id"]["S"] for item in first["Items"]] == ["06", "07", "08"]
        assert set(first["Items"][0]) == {"source_id", "timestamp", "score"}
        second = await query(listener, "positive", after, Limit=3, ExclusiveStartKey=first["LastEvaluatedKey"])
        assert [item["source_id"]["S"] for item in second["Items"]] == ["09"]
        assert "LastEvaluatedKey" not in second
        back = {"ScanIndexForward": False, "Limit": 2}
        newest = await query(listener, "positive", after, **back)
        assert [item["source_id"]["S"] for item in newest["Items"]] == ["09", "08"]
        older = await query(listener, "positive", after, ExclusiveStartKey=newest["LastEvaluatedKey"], **back)
        assert [item["source_id"]["S"] for item in older["Items"]] == ["07", "06"]


async def test_a_query_that_is_not_understood_is_told() -> None:
    async with rig() as (injector, upstream):
        listener = injector.listeners[0, "dynamodb"]
        disturbance = Disturbance("stale", 1)
        listener.disturb(disturbance)
        await query(listener, "positive", NOW, FilterExpression="attribute_exists(score)")
        assert upstream.asked == ["Query"]
        assert disturbance.problems
