"""`streamer tail` over restarts of the service, held against every byte that the service sent to it.

TAIL_RESTARTS (3) and TAIL_SECONDS (4) set how often the service restarts and how long its lives are together: with
TAIL_SECONDS=600 it is the ten minutes of the acceptance. Nothing that was written meanwhile is missing, whether a
service ran then or not.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
from httpx_sse._decoders import SSEDecoder, SSELineDecoder

from streamer.change import iso_time
from streamer.local.clients import LocalClients
from streamer.local.resources import Resources
from tests.browser.service import Service, controlled
from tests.integration.pipeline import pipeline
from tests.integration.test_tail import tailing
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.slow("restarts the service again and again")

RESTARTS = int(os.environ.get("TAIL_RESTARTS", "3"))
SECONDS = float(os.environ.get("TAIL_SECONDS", "4"))
PER_SECOND = 20
A_LIFE = round(SECONDS * PER_SECOND / (RESTARTS + 1))
"""Lines that are read of each service before it ends."""
SIGNALS = (signal.SIGTERM, signal.SIGKILL)


@pytest.fixture
def resources() -> Iterator[Resources]:
    with pipeline() as made:
        yield made


@dataclass
class Tap:
    """Stands between a client and the service, and keeps what passes to the client, connection by connection."""

    port: int = 0
    passed: list[bytearray] = field(default_factory=list)

    def events(self) -> list[dict[str, Any]]:
        """What a decoder that is not ours finds in it: complete events that carry data, and each `reset`."""
        found = []
        for passed in self.passed:
            _, _, body = bytes(passed).partition(b"\r\n\r\n")
            lines, decoder = SSELineDecoder(), SSEDecoder()
            for line in lines.decode(_unchunked(body).decode()):
                event = decoder.decode(line)
                if event is not None and event.event in ("sentiment_update", "sentiment_withdrawn", "metrics", "reset"):
                    found.append({"event": event.event, "id": event.id, "data": json.loads(event.data)})
        return found

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection; nobody behind it: it is closed without an answer."""
        with suppress(ConnectionError):
            behind, to_behind = await asyncio.open_connection("127.0.0.1", self.port)
            to_behind.write(await reader.readuntil(b"\r\n\r\n"))
            passed = bytearray()
            self.passed.append(passed)
            with suppress(ConnectionError):
                while chunk := await behind.read(65536):
                    writer.write(chunk)
                    await writer.drain()
                    passed += chunk
            to_behind.close()
        writer.close()


@asynccontextmanager
async def tapped() -> AsyncIterator[tuple[Tap, str]]:
    """A tap and the URL of the stream through it."""
    tap = Tap()
    listening = await asyncio.start_server(tap.serve, "127.0.0.1", 0)
    async with listening:
        yield tap, f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        listening.close()


def _unchunked(body: bytes) -> bytes:
    """The payload of a chunked body, as far as it came."""
    whole, rest = b"", body
    while (line := rest.partition(b"\r\n"))[1]:
        size = int(line[0], 16)
        whole += line[2][:size]
        rest = line[2][size + 2 :]
    return whole


class Told:
    """What the tail has said so far."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self._grown = asyncio.Condition()

    async def read(self, lines: asyncio.StreamReader | None) -> None:
        """To the end."""
        assert lines is not None
        async for line in lines:
            async with self._grown:
                self.lines.append(json.loads(line))
                self._grown.notify_all()

    def sources(self) -> set[str]:
        """The items that it has told of."""
        return {line["data"]["source_id"] for line in self.lines if line["event"] == "sentiment_update"}

    async def more(self, count: int) -> None:
        """Returns when so many more lines have come."""
        wanted = len(self.lines) + count
        await self.until(lambda: len(self.lines) >= wanted)

    async def until(self, reached: Callable[[], bool]) -> None:
        """Returns when it is so."""
        async with asyncio.timeout(10 * SECONDS + WATCHDOG), self._grown:
            await self._grown.wait_for(reached)


def write(resources: Resources, stop: threading.Event) -> list[str]:
    """Writes new items at a steady rate until it is told to stop; their source_ids."""
    dynamodb = LocalClients(resources.endpoint_url).dynamodb()
    written: list[str] = []
    while not stop.wait(1 / PER_SECOND):
        written.append(f"tail:{len(written)}")
        stamp = iso_time(time.time_ns() // 1_000_000)
        dynamodb.put_item(
            TableName=resources.sentiment_table,
            Item={
                "source_id": {"S": written[-1]},
                "timestamp": {"S": stamp},
                "matched_tickers": {"L": [{"S": "AAPL"}]},
                "sentiment": {"S": "positive"},
                "score": {"N": "0.5"},
                "updated_at": {"S": stamp},
            },
        )
    return written


async def restarts(service: Service, told: Told, notice: Callable[..., Awaitable[str]]) -> list[str]:
    """Ends and starts the service after its share of the lines; what was said of each end."""
    reasons = []
    await notice("connected: a fresh stream begins")
    for number in range(RESTARTS):
        await told.more(A_LIFE)
        ending = asyncio.create_task(asyncio.to_thread(service.end, SIGNALS[number % len(SIGNALS)]))
        reasons.append(await notice("lost: "))
        await ending
        await asyncio.to_thread(service.start)
        await notice("reset (began_later)")  # what was deleted before it began, the new process cannot know
    await told.more(A_LIFE)
    return reasons


@pytest.mark.timeout(20 * SECONDS + 600)
async def test_every_restart_is_explained_and_nothing_that_was_sent_is_missing(resources: Resources) -> None:
    environment = {"SSE_RECEIVE_WAIT": "1", "SSE_DRAIN_WINDOW": "0.2", "LOG_LEVEL": "INFO"}
    with controlled(resources.environment() | environment) as service:
        await asyncio.to_thread(service.start)
        async with tapped() as (tap, url), tailing(url, "--json") as tail:
            tap.port = service.port
            told, stop = Told(), threading.Event()
            reading = asyncio.create_task(told.read(tail.process.stdout))
            writing = asyncio.create_task(asyncio.to_thread(write, resources, stop))
            try:
                reasons = await restarts(service, told, tail.notice)
            finally:
                stop.set()
                written = await writing
            await told.until(lambda: set(written) <= told.sources())
            await asyncio.to_thread(service.end, signal.SIGTERM)
            await tail.notice("lost: ", "(drain)")
            tail.process.send_signal(signal.SIGINT)
            await reading
            ended = await tail.notice("ended: ")
            assert await tail.process.wait() == 0
    for number, reason in enumerate(reasons):
        drained = SIGNALS[number % len(SIGNALS)] == signal.SIGTERM
        assert ("(drain)" if drained else "without `closing`") in reason or (not drained and "was lost" in reason)
    # What it left out are updates that say what the one before said of the same item and ticker.
    repeats = 0
    shown: dict[tuple[str, ...], str] = {}
    expected = []
    for event in tap.events():
        data = event["data"]
        if event["event"] == "reset":
            shown.clear()
            continue
        if event["event"] == "sentiment_update":
            item = (data["source_id"], data["timestamp"], data["ticker"])
            if shown.get(item) == data["version"]:
                repeats += 1
                continue
            shown[item] = data["version"]
        expected.append(event)
    assert [{name: line[name] for name in ("event", "id", "data")} for line in told.lines] == expected
    assert f"{len(told.lines):,} events, {RESTARTS} reconnects, {repeats:,} repeats dropped" in ended
    assert told.sources() == set(written)
