"""A client that goes from one container to another and back while both restart, with nothing but its last id.

The containers are `streamer serve` processes behind the whole path. Corrections go there and back again, without an
`updated_at`: the third version equals the first, so that a container that missed two of them sees no difference. A
container resumes a place from after its first query; an older one is `began_later`, since deletions may be unknown.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from typing import Any

import httpx
import pytest

from streamer.change import Key, iso_time, read_item, version
from streamer.local.clients import LocalClients
from streamer.local.resources import Resources
from streamer.place import Place
from streamer.tables.attribute import plain
from tests.integration.pipeline import pipeline
from tests.integration.rig import stream
from tests.integration.service import ServiceProcess, serving
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.slow("restarts two containers again and again")

ROUNDS = 3
SOON = {"SSE_PROOF_MARGIN": "1", "SSE_VERIFY_INTERVAL": "1", "SSE_HEARTBEAT_INTERVAL": "1"}
"""Places prove what was a second or two ago."""


@pytest.fixture
def resources() -> Iterator[Resources]:
    with pipeline() as made:
        yield made


class Table:
    """Writes items, and knows what a client should show of each in the end."""

    def __init__(self, resources: Resources) -> None:
        self._dynamodb = LocalClients(resources.endpoint_url).dynamodb()
        self._name = resources.sentiment_table
        self._made = 0

    async def write(self, count: int, *, dated: bool) -> None:
        """New items, each corrected and corrected back."""
        for _ in range(count):
            self._made += 1
            key = Key(f"wire:{self._made}", iso_time(time.time_ns() // 1_000_000))
            for label in ("positive", "negative", "positive"):
                await asyncio.to_thread(self._put, key, label, dated)

    async def put(self, source_id: str) -> Key:
        """A new item."""
        key = Key(source_id, iso_time(time.time_ns() // 1_000_000))
        await asyncio.to_thread(self._put, key, "positive", True)
        return key

    async def delete(self, key: Key) -> None:
        """The item is gone."""
        named = {"source_id": {"S": key.source_id}, "timestamp": {"S": key.timestamp}}
        await asyncio.to_thread(lambda: self._dynamodb.delete_item(TableName=self._name, Key=named))

    async def shown(self) -> dict[tuple[str, str], str]:
        """The version of each item under its ticker, as the table has it now."""
        answer = await asyncio.to_thread(lambda: self._dynamodb.scan(TableName=self._name, ConsistentRead=True))
        found = {}
        for item in answer["Items"]:
            attributes = plain(item)
            key, state = Key(str(attributes["source_id"]), str(attributes["timestamp"])), read_item(attributes).state
            assert state is not None
            found[key.source_id, key.timestamp] = version(key, "AAPL", state)
        return found

    def _put(self, key: Key, label: str, dated: bool) -> None:
        item: dict[str, Any] = {
            "source_id": {"S": key.source_id},
            "timestamp": {"S": key.timestamp},
            "sentiment": {"S": label},
            "score": {"N": "0.5"},
            "ticker": {"S": "AAPL"},
        }
        if dated:
            item["updated_at"] = {"S": iso_time(time.time_ns() // 1_000_000)}
        self._dynamodb.put_item(TableName=self._name, Item=item)


class Client:
    """Applies an event unless its version is the last one applied; keeps its last id; reads the snapshot at a reset."""

    def __init__(self, place: str | None = None, state: Mapping[tuple[str, str], str] | None = None) -> None:
        self.state = dict(state or {})
        self.place = place
        self.resumes: list[str] = []

    async def follow(
        self, service: ServiceProcess, *, events: int | None = None, until: object = None, proved_ms: int = 0
    ) -> None:
        """At this container, until so many events have come, or until it shows this and has a place of that time."""
        headers = {} if self.place is None else {"Last-Event-ID": self.place}
        async with asyncio.timeout(WATCHDOG), stream(service.base, "?replay=60", headers) as opened:
            while events is not None or self._proved_ms() < proved_ms or (until is not None and self.state != until):
                event = await opened.next()
                self.place = event.get("id", self.place)
                data = event["data"]
                if event["event"] == "connected":
                    self.resumes.append(data["resume"])
                elif event["event"] == "reset":
                    self.resumes[-1] = data["reason"]
                    self.state = await self._snapshot(service)  # what comes meanwhile waits in the socket
                elif event["event"] == "sentiment_withdrawn":
                    self.state.pop((data["source_id"], data["timestamp"]), None)
                elif event["event"] == "sentiment_update":
                    self.state[data["source_id"], data["timestamp"]] = data["version"]
                    if events is not None:
                        events -= 1
                        if not events:
                            return

    def _proved_ms(self) -> int:
        return 0 if self.place is None else Place.parse(self.place).time_ms

    async def _snapshot(self, service: ServiceProcess) -> dict[tuple[str, str], str]:
        async with httpx.AsyncClient(timeout=WATCHDOG, trust_env=False) as http:
            answer = await http.get(f"{service.base}/api/v2/sentiment?limit=500")
            return {(row["source_id"], row["timestamp"]): row["version"] for row in answer.json()["items"]}


def now_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000


async def test_there_and_back_while_both_containers_restart(resources: Resources) -> None:
    table, client = Table(resources), Client()
    async with AsyncExitStack() as running:
        one, other = AsyncExitStack(), AsyncExitStack()
        await running.enter_async_context(one)
        await running.enter_async_context(other)
        environment = resources.environment() | SOON
        first = await one.enter_async_context(serving(environment))
        second = await other.enter_async_context(serving(environment))
        began_ms = now_ms()
        writing = asyncio.create_task(table.write(5, dated=False))
        await client.follow(first, events=3)
        await client.follow(first, proved_ms=began_ms)
        for turn in range(ROUNDS):
            await writing
            writing = asyncio.create_task(table.write(20, dated=bool(turn % 2)))
            await client.follow(second, events=7)  # cut in the middle of what it missed, or of what is written
            await one.aclose()
            await client.follow(second, events=5)
            first = await one.enter_async_context(serving(environment))
            await client.follow(second, proved_ms=now_ms())
            await client.follow(first, events=7)
            await other.aclose()
            second = await other.enter_async_context(serving(environment))
            await client.follow(first, events=3)
            await client.follow(first, proved_ms=now_ms())
        await writing
        await client.follow(second, until=await table.shown())
        await client.follow(first, until=await table.shown())
    assert set(client.resumes[1:]) == {"resumed"}, "no restart was too long for it"


async def test_an_item_deleted_while_its_server_was_killed_leaves_the_page_wherever_the_client_returns(
    resources: Resources,
) -> None:
    environment = resources.environment() | SOON
    table, client = Table(resources), Client()
    async with serving(environment) as neighbour:
        async with serving(environment) as killed:
            began_ms = now_ms()
            await table.put("kept")
            ghost = await table.put("ghost")
            await client.follow(killed, until=await table.shown(), proved_ms=began_ms)
            await killed.kill()
        await table.delete(ghost)
        left = await table.shown()
        assert len(left) == 1
        elsewhere = Client(client.place, client.state)
        await elsewhere.follow(neighbour, until=left)  # and so the record is relayed, before the next queue is made
        async with serving(environment) as again:
            await client.follow(again, until=left)
    assert elsewhere.resumes == ["resumed"], "the neighbour saw the deletion"
    assert client.resumes == ["fresh", "began_later"]
