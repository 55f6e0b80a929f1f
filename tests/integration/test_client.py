"""The Python client against the real service while that is killed, full, silent, and behind a gateway that says 502."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import Awaitable, Callable, Iterator

import pytest

from streamer.change import iso_time
from streamer.client import Lost, Received, Reconnect, Stream
from streamer.local.clients import LocalClients
from streamer.local.resources import Resources
from streamer.sse.events import Connected, Reset, SentimentUpdate
from tests.browser.gateway import before
from tests.browser.service import Service, controlled
from tests.integration.pipeline import pipeline
from tests.integration.rig import stream
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.slow("kills and restarts the service")

Put = Callable[[], Awaitable[str]]


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with pipeline() as made:
        yield made


@pytest.fixture
def put(resources: Resources) -> Put:
    """Writes one new item; its source_id."""
    dynamodb = LocalClients(resources.endpoint_url).dynamodb()

    def write() -> str:
        name = f"client:{time.time_ns()}"
        dynamodb.put_item(
            TableName=resources.sentiment_table,
            Item={
                "source_id": {"S": name},
                "timestamp": {"S": iso_time(time.time_ns() // 1_000_000)},
                "matched_tickers": {"L": [{"S": "AAPL"}]},
                "sentiment": {"S": "positive"},
                "score": {"N": "0.5"},
            },
        )
        return name

    return lambda: asyncio.to_thread(write)


@pytest.fixture
def service(resources: Resources) -> Iterator[Service]:
    environment = {"SSE_RECEIVE_WAIT": "1", "SSE_DRAIN_WINDOW": "0.2", "SSE_HEARTBEAT_INTERVAL": "0.2"}
    with controlled({**resources.environment(), **environment, "SSE_MAX_CONNECTIONS": "1"}) as service:
        service.start()
        yield service


async def at_once(_: float) -> None:
    """In place of waiting."""


class Reader:
    """Reads a stream up to something."""

    def __init__(self, following: Stream) -> None:
        self._all = aiter(following)

    async def lost(self) -> Lost:
        async with asyncio.timeout(WATCHDOG):
            while True:
                if isinstance(each := await anext(self._all), Lost):
                    return each

    async def until(self, kind: type[Connected | Reset | SentimentUpdate], source_id: str | None = None) -> Received:
        async with asyncio.timeout(WATCHDOG):
            while True:
                each = await anext(self._all)
                if isinstance(each, Lost) or not isinstance(each.event, kind):
                    continue
                if source_id is None or getattr(each.event, "source_id", None) == source_id:
                    return each


def resume(opened: Received) -> str:
    assert isinstance(opened.event, Connected)
    return opened.event.resume


async def test_killed_and_started_again_it_begins_anew_and_misses_nothing(service: Service, put: Put) -> None:
    async with Stream(service.url, reconnect=Reconnect(sleep=at_once)) as following:
        reader = Reader(following)
        await reader.until(Connected)
        await reader.until(SentimentUpdate, await put())
        await asyncio.to_thread(service.end, signal.SIGKILL)
        assert "ended the stream without `closing`" in (lost := await reader.lost()).reason or "was lost" in lost.reason
        assert "connection refused" in (await reader.lost()).reason
        meanwhile = await put()
        starting = asyncio.create_task(asyncio.to_thread(service.start))
        assert resume(await reader.until(Connected)) == "reset"  # what was deleted meanwhile nobody knows
        await reader.until(SentimentUpdate, meanwhile)
        await starting
        await reader.until(SentimentUpdate, await put())


async def test_stopped_in_order_it_says_goodbye(service: Service) -> None:
    waits: list[float] = []

    async def remember(seconds: float) -> None:
        waits.append(seconds)

    async with Stream(service.url, reconnect=Reconnect(sleep=remember)) as following:
        reader = Reader(following)
        await reader.until(Connected)
        ending = asyncio.create_task(asyncio.to_thread(service.end, signal.SIGTERM))
        lost = await reader.lost()
        assert lost.reason == "the server ended the stream (drain)"
        await reader.lost()
        await ending
    assert waits[0] == lost.wait


async def test_full_it_is_waited_for_as_long_as_it_says(service: Service) -> None:
    waiting, go_on = asyncio.Event(), asyncio.Event()
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)
        waiting.set()
        await go_on.wait()

    base = service.url.removesuffix("/api/v2/stream")
    async with Stream(service.url, reconnect=Reconnect(sleep=wait)) as following:
        reader = Reader(following)
        async with stream(base) as other:
            await other.until("connected")
            lost = await reader.lost()
            assert lost.reason.endswith("503 Service Unavailable: Connection limit reached. Try again later")
            opening = asyncio.create_task(reader.until(Connected))
            await waiting.wait()
        go_on.set()
        await opening
    assert waits[0] == lost.wait == 30.0


async def test_silent_it_is_left_and_resumed_where_it_was(service: Service, put: Put) -> None:
    async with Stream(service.url, reconnect=Reconnect(watchdog=1.0, sleep=at_once)) as following:
        reader = Reader(following)
        await reader.until(Connected)
        await reader.until(SentimentUpdate, await put())
        service.send(signal.SIGSTOP)
        assert (await reader.lost()).reason == "no data for 1 s"
        missed = await put()
        service.send(signal.SIGCONT)
        assert resume(await reader.until(Connected)) == "resumed"
        await reader.until(SentimentUpdate, missed)


async def test_behind_a_gateway_that_says_502_it_resumes_and_misses_nothing(service: Service, put: Put) -> None:
    with before(service.port) as gateway:
        async with Stream(f"{gateway.url}/api/v2/stream", reconnect=Reconnect(sleep=at_once)) as following:
            reader = Reader(following)
            await reader.until(Connected)
            await reader.until(SentimentUpdate, await put())
            gateway.cut()
            await reader.lost()
            assert (await reader.lost()).reason.endswith("answered 502 Bad Gateway")
            missed = await put()
            gateway.port = service.port
            assert resume(await reader.until(Connected)) == "resumed"
            await reader.until(SentimentUpdate, missed)
