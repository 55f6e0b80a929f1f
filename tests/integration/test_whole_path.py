"""A write to the table reaches every open stream: each hop is the real thing.

WHOLE_PATH_WRITES sets how many writes (500 in the suite; 5,000 takes about two minutes).
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any

import pytest

from streamer.change import Key, State, iso_time, version
from streamer.local.clients import LocalClients
from streamer.local.resources import Resources
from tests.integration.pipeline import pipeline
from tests.integration.rig import Events, stream
from tests.integration.service import ServiceProcess, serving
from tests.watchdog import WATCHDOG

WRITES = int(os.environ.get("WHOLE_PATH_WRITES", "500"))
TICKERS = ("AAPL", "MSFT", "NVDA", "TSLA", "BRK.B")
Told = tuple[str, ...]
"""What is compared of an event: its name, item, ticker, and version or reason."""


@pytest.fixture
def resources() -> Iterator[Resources]:
    with pipeline() as made:
        yield made


class Writer:
    """Writes seeded changes to the table and knows what each client should be told of them, in order by item."""

    def __init__(self, resources: Resources) -> None:
        self.told: list[Told] = []
        self._table = resources.sentiment_table
        self._dynamodb = LocalClients(resources.endpoint_url).dynamodb()
        self._random = random.Random(11)
        self._shown: dict[Key, State] = {}
        self._made = 0

    def write(self) -> None:
        """One write: a new item, a correction of one, or a deletion."""
        chance = self._random.random()
        if chance < 0.6 or not self._shown:
            self._made += 1
            self._put(Key(f"wire:{self._made}", iso_time(time.time_ns() // 1_000_000)), self._tickers())
        elif chance < 0.95:
            self._put(self._random.choice(list(self._shown)), self._tickers())
        else:
            key = self._random.choice(list(self._shown))
            self._dynamodb.delete_item(TableName=self._table, Key=_keys(key))
            self.told += [(*key, ticker, "deleted") for ticker in self._shown.pop(key).tickers]

    def last(self) -> None:
        """The item that ends the test, under every ticker."""
        self._put(Key("last", iso_time(time.time_ns() // 1_000_000)), TICKERS)

    def _put(self, key: Key, tickers: Sequence[str]) -> None:
        """Puts one item in a new state."""
        state = State(
            tuple(sorted(tickers)),
            self._random.choice(("positive", "neutral", "negative")),
            Decimal(self._random.randint(-1000, 1000)) / 1000,
            source="wire",
            updated_at=iso_time(time.time_ns() // 1_000_000),
        )
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                **_keys(key),
                "matched_tickers": {"L": [{"S": ticker} for ticker in tickers]},
                "sentiment": {"S": state.label},
                "score": {"N": str(state.score)},
                "source": {"S": "wire"},
                "updated_at": {"S": str(state.updated_at)},
                "article_text": {"S": "never to be seen " * 50},
            },
        )
        before = self._shown.get(key)
        self.told += [
            (*key, gone, "ticker_removed") for gone in (before.tickers if before else ()) if gone not in tickers
        ]
        self.told += [(*key, ticker, version(key, ticker, state)) for ticker in tickers]
        self._shown[key] = state

    def _tickers(self) -> list[str]:
        return self._random.sample(TICKERS, self._random.randint(1, 3))


def _keys(key: Key) -> dict[str, Any]:
    return {"source_id": {"S": key.source_id}, "timestamp": {"S": key.timestamp}}


def told(event: dict[str, Any]) -> Told | None:
    """What an event told of an item, if it did."""
    data = event["data"]
    if event["event"] not in ("sentiment_update", "sentiment_withdrawn"):
        return None
    return data["source_id"], data["timestamp"], data["ticker"], data.get("version") or data["reason"]


class Client:
    """Follows a stream until the last item; `reconnecting` cuts itself off every second and resumes."""

    def __init__(self, service: ServiceProcess, query: str = "", *, reconnecting: bool = False) -> None:
        self.got: list[Told] = []
        self.ids: list[str] = []
        self.resumes: list[str] = []
        self.open = asyncio.Event()
        self._base = service.base
        self._query = query
        self._reconnecting = reconnecting

    async def follow(self) -> None:
        """Returns once the item `last` was told."""
        place: dict[str, str] = {}
        while not self._done():
            async with stream(self._base, self._query, place) as events:
                try:
                    async with asyncio.timeout(1 if self._reconnecting else 300):
                        await self._read(events)
                except TimeoutError:
                    place = {"Last-Event-ID": self.ids[-1]}

    def _done(self) -> bool:
        """Whether the last item was told, under every ticker that this client watches."""
        return sum(1 for item in self.got if item[0] == "last") == (1 if self._query else len(TICKERS))

    async def _read(self, events: Events) -> None:
        while not self._done():
            event = await events.next()
            if event["event"] == "connected":
                self.resumes.append(event["data"]["resume"])
            if "id" in event:
                self.ids.append(event["id"])
                self.open.set()
            if (item := told(event)) is not None:
                self.got.append(item)


async def test_every_client_is_told_every_change_once_and_in_order(resources: Resources) -> None:
    async with serving(resources.environment() | {"SSE_VERIFY_INTERVAL": "600"}, until="push") as service:
        everything, tesla = Client(service), Client(service, "?tickers=tsla")
        wandering = Client(service, reconnecting=True)
        following = [asyncio.create_task(client.follow()) for client in (everything, tesla, wandering)]
        for client in (everything, tesla, wandering):
            await client.open.wait()
        writer = Writer(resources)

        def write() -> None:
            for _ in range(WRITES):
                writer.write()
            writer.last()

        await asyncio.to_thread(write)
        async with asyncio.timeout(WATCHDOG):
            await asyncio.gather(*following)
        status = await service.status()

        assert by_item(everything.got) == by_item(writer.told)
        assert by_item(tesla.got) == by_item([item for item in writer.told if item[2] == "TSLA"])
        assert wandering.got == everything.got, "without a repeat, in the same order"
        assert len(wandering.resumes) > 2
        assert set(wandering.resumes[1:]) == {"resumed"}
        for client in (everything, wandering):
            assert len(set(client.ids)) == len(client.ids)
        assert status["mode"] == "push"
        assert status["counters"]["messages_poison"] == status["counters"]["changes_faulty"] == 0
        assert await service.stop() == 0

    clients = LocalClients(resources.endpoint_url)
    assert "QueueUrls" not in clients.sqs().list_queues(QueueNamePrefix="sentiment-stream-")
    assert clients.sns().list_subscriptions()["Subscriptions"] == []
    failed = clients.sqs().receive_message(QueueUrl=resources.failure_queue_url)
    assert "Messages" not in failed


def by_item(items: list[Told]) -> dict[str, list[Told]]:
    """In order by item and ticker: what is promised of the order."""
    grouped: dict[str, list[Told]] = {}
    for item in items:
        grouped.setdefault(f"{item[0]} {item[2]}", []).append(item)
    return grouped
