"""A user's own stream on a real socket, behind the whole path: tables, stream, relay, topic, queue, service.

CONFIGURATION_WRITES sets how many writes go through four configurations (500 in the suite).
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from streamer.change import Key, iso_time
from streamer.local.clients import LocalClients
from streamer.local.resources import Resources
from streamer.place import Place
from tests.integration.pipeline import pipeline
from tests.integration.rig import Events
from tests.integration.rig import stream as public_stream
from tests.integration.service import ServiceProcess, serving
from tests.watchdog import WATCHDOG

WRITES = int(os.environ.get("CONFIGURATION_WRITES", "500"))
TICKERS = ("AAPL", "MSFT", "NVDA", "TSLA", "BRK.B", "F")
PATH = "/api/v2/configurations"
BELIEVED = {"TRUSTED_PROXIES": "127.0.0.0/8", "TICKET_SECRET": "a-secret-that-seals-tickets"}
POLLS = {"CHANGES_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:there-is-none"}

ONLY_PUSH = {"SSE_VERIFY_INTERVAL": "600"}
"""No query comes to the help of push."""


@pytest.fixture
def resources() -> Iterator[Resources]:
    with pipeline() as made:
        yield made


class User:
    """Somebody with a browser: REST and streams under their name."""

    def __init__(self, service: ServiceProcess, name: str) -> None:
        self.base = service.base
        self.headers = {"X-User-ID": name}

    async def ask(self, method: str, path: str, expected: int, **options: Any) -> Any:
        headers = self.headers | options.pop("headers", {})
        async with httpx.AsyncClient(timeout=WATCHDOG, trust_env=False) as http:
            answer = await http.request(method, f"{self.base}{path}", headers=headers, **options)
        assert answer.status_code == expected, answer.text
        return answer.json() if answer.content else None

    async def create(self, *tickers: str, name: str = "Mine") -> str:
        made = await self.ask("POST", PATH, 201, json={"name": name, "tickers": tickers})
        return str(made["config_id"])

    async def change(self, config_id: str, **members: Any) -> None:
        await self.ask("PATCH", f"{PATH}/{config_id}", 200, json=members, headers={"If-Match": "*"})

    async def delete(self, config_id: str) -> None:
        await self.ask("DELETE", f"{PATH}/{config_id}", 204, headers={"If-Match": "*"})

    @asynccontextmanager
    async def stream(self, config_id: str, query: str = "", place: str = "") -> AsyncIterator[Events]:
        headers = self.headers | ({"Last-Event-ID": place} if place else {})
        url = f"{self.base}{PATH}/{config_id}/stream{query}"
        async with (
            httpx.AsyncClient(timeout=WATCHDOG, trust_env=False) as http,
            http.stream("GET", url, headers=headers) as answer,
        ):
            assert answer.status_code == 200, await answer.aread()
            yield Events(answer)


class Writer:
    def __init__(self, resources: Resources) -> None:
        self._table = resources.sentiment_table
        self._dynamodb = LocalClients(resources.endpoint_url).dynamodb()
        self._made = 0

    def write(self, *tickers: str, name: str = "") -> str:
        """A new item; its source_id."""
        self._made += 1
        key = Key(name or f"wire:{self._made}", iso_time(time.time_ns() // 1_000_000))
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "source_id": {"S": key.source_id},
                "timestamp": {"S": key.timestamp},
                "matched_tickers": {"L": [{"S": ticker} for ticker in tickers]},
                "sentiment": {"S": "positive"},
                "score": {"N": "0.5"},
                "updated_at": {"S": key.timestamp},
            },
        )
        return key.source_id

    async def writes(self, *tickers: str, name: str = "") -> str:
        return await asyncio.to_thread(self.write, *tickers, name=name)


async def update(events: Events) -> tuple[str, str]:
    """The next update: item and ticker."""
    data = (await events.until("sentiment_update"))["data"]
    return data["source_id"], data["ticker"]


async def place(events: Events) -> Place:
    """Of the next heartbeat."""
    return Place.parse((await events.until("heartbeat"))["id"])


async def test_a_users_table_that_cannot_be_read_holds_back_the_places_of_configuration_streams_only(
    resources: Resources,
) -> None:
    often = {"SSE_POLL_INTERVAL": "1", "SSE_PROOF_MARGIN": "1", "SSE_HEARTBEAT_INTERVAL": "1"}
    async with serving(resources.environment() | BELIEVED | POLLS | often, until="serving") as service:
        ada = User(service, "ada")
        config_id = await ada.create("AAPL")
        async with ada.stream(config_id) as own, public_stream(service.base) as everything:
            await place(own)
            users = resources.users_table
            await asyncio.to_thread(LocalClients(resources.endpoint_url).dynamodb().delete_table, TableName=users)
            await service.line("failed, trying again", what=f"check of configurations in {users}")
            failed_ms = time.time_ns() // 1_000_000
            public = await place(everything)
            while public.time_ms <= failed_ms:
                public = await place(everything)
            held = await place(own)
            while held.frame < public.frame:
                held = await place(own)
            assert 0 < held.time_ms < failed_ms


@pytest.mark.parametrize("mode", ["push", "poll"])
async def test_a_change_of_tickers_changes_the_open_stream(resources: Resources, mode: str) -> None:
    environment = resources.environment() | BELIEVED | (POLLS if mode == "poll" else ONLY_PUSH)
    writer = Writer(resources)
    async with serving(environment, until="push" if mode == "push" else "serving") as service:
        ada = User(service, "ada")
        config_id = await ada.create("AAPL")
        async with ada.stream(config_id) as stream:
            connected = await stream.next()
            assert connected["data"]["tickers"] == ["AAPL"]
            await stream.until("heartbeat")
            first, other = await writer.writes("AAPL"), await writer.writes("MSFT")
            assert await update(stream) == (first, "AAPL")
            await ada.change(config_id, name="Renamed")
            await ada.change(config_id, tickers=["MSFT"])
            reset = await stream.until("reset")
            assert reset["data"] == {"reason": "configuration_changed", "tickers": ["MSFT"]}
            assert await update(stream) == (other, "MSFT"), "the history of the new filter"
            await stream.until("heartbeat")
            await writer.writes("AAPL")
            last = await writer.writes("MSFT", "AAPL")
            assert await update(stream) == (last, "MSFT"), "no reconnect, and nothing of the old one"
        status = await service.status()
        assert (status["mode"], status["counters"]["streams_opened"]) == (mode, 1)
        assert status["counters"]["streams_refiltered"] == 1, "not by its name"


async def test_who_resumes_across_a_change_misses_nothing_of_the_new_tickers(resources: Resources) -> None:
    writer = Writer(resources)
    async with serving(resources.environment() | BELIEVED, until="push") as service:
        ada = User(service, "ada")
        config_id = await ada.create("AAPL")
        async with ada.stream(config_id) as stream:
            await stream.until("heartbeat")
            before = await writer.writes("AAPL", "MSFT")
            got = await stream.until("sentiment_update")
        await ada.change(config_id, tickers=["MSFT"])
        between = await writer.writes("MSFT")
        async with public_stream(service.base, "?tickers=MSFT&replay=60") as everybody:
            while (await everybody.until("sentiment_update"))["data"]["source_id"] != between:
                pass
        async with ada.stream(config_id, place=got["id"]) as stream:
            connected = await stream.next()
            assert (connected["data"]["resume"], connected["data"]["tickers"]) == ("reset", ["MSFT"])
            assert (await stream.next())["data"]["reason"] == "configuration_changed"
            assert await update(stream) == (before, "MSFT"), "of the new ticker it had nothing"
            at = await stream.until("sentiment_update")
            assert at["data"]["source_id"] == between
            beat = await stream.until("heartbeat")
        async with ada.stream(config_id, place=beat["id"]) as stream:
            assert (await stream.next())["data"]["resume"] == "resumed", "it has not changed since that frame"
        async with ada.stream(config_id, place=at["id"]) as stream:
            assert (await stream.next())["data"]["resume"] == "reset", "a frame of the history says nothing of it"


@pytest.mark.parametrize("how", ["deleted", "disabled"])
async def test_a_configuration_that_goes_ends_its_streams(resources: Resources, how: str) -> None:
    async with serving(resources.environment() | BELIEVED, until="push") as service:
        ada = User(service, "ada")
        config_id = await ada.create("AAPL")
        async with ada.stream(config_id) as stream:
            await stream.until("heartbeat")
            await (ada.delete(config_id) if how == "deleted" else ada.change(config_id, status="disabled"))
            assert (await stream.rest())[-1]["data"]["reason"] == "configuration_gone"
        gone = await ada.ask("GET", f"{PATH}/{config_id}/stream", 404)
        unknown = await ada.ask("GET", f"{PATH}/unknown/stream", 404)
        other = await User(service, "grace").ask("GET", f"{PATH}/chips/stream", 404)
        malformed = await ada.ask("GET", f"{PATH}/a%20b/stream", 404)
        assert gone == unknown == other == malformed
        assert gone["detail"] == "Configuration not found"
        for path in (config_id, "unknown"):
            assert await ada.ask("POST", f"{PATH}/{path}/stream/tickets", 404) == gone
        await ada.ask("GET", f"{PATH}/chips/stream?tickers=AAPL", 422)
        nobody = User(service, "")
        await nobody.ask("GET", f"{PATH}/chips/stream", 401)
        await nobody.ask("POST", f"{PATH}/chips/stream/tickets", 401)


async def test_a_ticket_opens_one_stream_until_its_deadline(resources: Resources) -> None:
    environment = resources.environment() | BELIEVED | {"TICKET_LIFETIME": "2"}
    async with serving(environment) as service:
        ada, browser = User(service, "ada"), User(service, "")
        first: dict[str, Any] = {}
        while first.get("event") != "connected":  # a busy machine may take longer than a ticket lives
            made = await ada.ask("POST", f"{PATH}/chips/stream/tickets", 201)
            assert made["stream"] == f"{PATH}/chips/stream?ticket={made['ticket']}"
            async with browser.stream("chips", f"?ticket={made['ticket']}") as stream:
                first, *_, end = [await stream.next(), *await stream.rest()] * 2
            assert (end["event"], end["data"]["reason"]) == ("closing", "ticket_expired")
        assert first["data"]["tickers"] == ["AMD", "INTC", "NVDA", "TSM"]
        assert made["expires_at"] <= iso_time(time.time_ns() // 1_000_000)
        async with browser.stream("chips", f"?ticket={made['ticket']}") as stream:
            (only,) = await stream.rest()
            assert only["data"]["reason"] == "ticket_expired"
        await browser.ask("GET", f"{PATH}/cars/stream?ticket={made['ticket']}", 401)
        await ada.ask("GET", f"{PATH}/chips/stream?ticket={made['ticket'][:-1]}", 401)
        closed = await service.line("stream closed")
        assert closed["reason"] == "ticket_expired"
    log = str(service.log)
    assert not re.search(r"\bada\b", log)  # a connection's random id may have these letters inside
    assert made["ticket"] not in log


async def test_many_streams_at_once_cost_one_read_of_their_configuration(resources: Resources) -> None:
    environment = resources.environment() | BELIEVED | POLLS | {"SSE_POLL_INTERVAL": "600", "SSE_MAX_PER_CLIENT": "50"}
    async with serving(environment, until="serving") as service, AsyncExitStack() as open_streams:
        ada = User(service, "ada")
        streams = await asyncio.gather(*(open_streams.enter_async_context(ada.stream("chips")) for _ in range(20)))
        for stream in streams:
            assert (await stream.next())["data"]["tickers"] == ["AMD", "INTC", "NVDA", "TSM"]
        counters = (await service.status())["counters"]
        assert counters["streams_opened"] == 20
        assert counters["configurations_read"] <= 3, "they come over twenty connections, not all in one moment"


async def test_each_of_four_configurations_has_exactly_its_own_events(resources: Resources) -> None:
    shown = {
        ("ada", "A"): ("AAPL", "MSFT"),
        ("ada", "B"): ("NVDA",),
        ("grace", "A"): ("TSLA", "AAPL", "BRK.B"),
        ("grace", "B"): ("F", "NVDA", "MSFT"),
    }
    writer, pick = Writer(resources), random.Random(6)
    async with serving(resources.environment() | BELIEVED, until="push") as service, AsyncExitStack() as stack:
        streams: dict[tuple[str, str], Events] = {}
        for (name, label), tickers in shown.items():
            user = User(service, name)
            config_id = await user.create(*tickers, name=label)
            streams[name, label] = await stack.enter_async_context(user.stream(config_id))
            await streams[name, label].until("heartbeat")
        expected: dict[str, list[str]] = {}

        def write_all() -> None:
            for _ in range(WRITES):
                tickers = pick.sample(TICKERS, pick.randint(1, 3))
                expected[writer.write(*tickers)] = tickers
            writer.write(*TICKERS, name="last")

        async def follow(events: Events) -> list[tuple[str, str]]:
            got: list[tuple[str, str]] = []
            left = {"last"}
            while left:
                item = await update(events)
                if item[0] == "last":
                    left.clear()
                else:
                    got.append(item)
            return got

        writing = asyncio.create_task(asyncio.to_thread(write_all))
        followed = dict(zip(streams, await asyncio.gather(*map(follow, streams.values())), strict=True))
        await writing
    for whose, got in followed.items():
        wanted = {(item, ticker) for item, named in expected.items() for ticker in named if ticker in shown[whose]}
        assert set(got) == wanted
        assert len(got) == len(wanted)
