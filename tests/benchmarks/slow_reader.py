"""What one client that never reads costs 99 that do, beside the same without it, by turns in one run.

The server is a process of its own; the time of an event is from its publication, which its item's timestamp says, to
its last byte at a client.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from multiprocessing.connection import Connection
from typing import Any

import httptools
import uvloop

from streamer.change import parse_time
from streamer.sse.decode import Decoder, Message
from streamer.streams.timing import Timing
from tests.integration.rig import running

_READERS = 99
_RATE = 200
_TOGETHER = 4  # events a publication: 50 publications a second
_SECONDS = 15
_ROUNDS = 3
_WARM_UP = 1.0
_REQUEST = b"GET /api/v2/stream?events=sentiment_update HTTP/1.1\r\nHost: here\r\n\r\n"


async def _serve(orders: Connection) -> None:
    """Publishes at the rate for as long as it is told, and says what became of slow readers."""
    number = 0
    async with running(timing=Timing()) as rig:
        orders.send(rig.port)
        while (seconds := await asyncio.to_thread(orders.recv)) is not None:
            began, first, slow, cut = time.monotonic(), number, rig.counters["streams_slow"], 0.0
            most = 0
            while (elapsed := time.monotonic() - began) < seconds:
                rig.publish(*["positive"] * _TOGETHER, first=number + 1)
                number += _TOGETHER
                most = max([most, *(stream.sink.pending() for stream in rig.delivery.streams)])
                if not cut and rig.counters["streams_slow"] > slow:
                    cut = elapsed
                await asyncio.sleep(max(0.0, began + (number - first) / _RATE - time.monotonic()))
            orders.send((number - first, most, cut))


def _server(orders: Connection) -> None:
    uvloop.run(_serve(orders))


@contextmanager
def _serving() -> Iterator[tuple[Connection, int]]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_server, args=(there,))
    process.start()
    try:
        yield here, here.recv()
    finally:
        here.send(None)
        process.join()


class _Reader(asyncio.Protocol):
    """Notes when bytes came; they are decoded after the run, so that reading does not slow the others down."""

    def __init__(self) -> None:
        self.chunks: list[tuple[int, bytes]] = []
        self.connected = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.chunks.append((time.time_ns(), data))
        if not self.connected.is_set() and b"event: heartbeat" in data:
            self.connected.set()

    def latencies(self, since_ms: int) -> tuple[int, list[float]]:
        """How many events came, and the milliseconds of those published since."""
        body, took, count = _Body(), [], 0
        parser = httptools.HttpResponseParser(body)
        for at_ns, chunk in self.chunks:
            parser.feed_data(chunk)
            for message in body.take():
                if message.event == "sentiment_update":
                    count += 1
                    published = parse_time(json.loads(message.data)["timestamp"])
                    if published is not None and published >= since_ms:
                        took.append(at_ns / 1_000_000 - published)
        return count, took


class _Body:
    """What the chunked encoding holds, decoded."""

    def __init__(self) -> None:
        self._decoder = Decoder()
        self._messages: list[Message] = []

    def on_body(self, data: bytes) -> None:
        """Called by httptools."""
        self._messages += self._decoder.feed(data)

    def take(self) -> list[Message]:
        """The messages since the last call."""
        messages, self._messages = self._messages, []
        return messages


@asynccontextmanager
async def _readers(port: int) -> AsyncIterator[list[_Reader]]:
    loop = asyncio.get_running_loop()
    made: list[tuple[asyncio.Transport, _Reader]] = []
    for _ in range(_READERS):
        made.append(await loop.create_connection(_Reader, "127.0.0.1", port))
        made[-1][0].write(_REQUEST)
        await made[-1][1].connected.wait()
    yield [reader for _, reader in made]
    for transport, _ in made:
        transport.abort()


def _stuck(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    sock.sendall(_REQUEST)
    return sock


async def _round(orders: Connection, port: int, *, stuck: bool) -> tuple[list[float], dict[str, Any]]:
    async with _readers(port) as readers:
        with closing(_stuck(port) if stuck else socket.socket()):
            orders.send(_SECONDS)
            since_ms = time.time_ns() // 1_000_000 + round(_WARM_UP * 1000)
            published, most, cut = await asyncio.to_thread(orders.recv)
            await asyncio.sleep(0.5)  # the last flush on its way
        read = [reader.latencies(since_ms) for reader in readers]
    missed = sum(published - count for count, _ in read)
    return [one for _, took in read for one in took], {"missed": missed, "most": most, "cut": cut}


def _percentile(samples: list[float], part: float) -> float:
    ordered = sorted(samples)
    return ordered[round((len(ordered) - 1) * part)]


async def _measure() -> dict[bool, tuple[list[float], list[dict[str, Any]]]]:
    found: dict[bool, tuple[list[float], list[dict[str, Any]]]] = {False: ([], []), True: ([], [])}
    with _serving() as (orders, port):
        for number in range(2 * _ROUNDS):
            stuck = number % 2 == 1
            took, said = await _round(orders, port, stuck=stuck)
            found[stuck][0].extend(took)
            found[stuck][1].append(said)
    return found


def main() -> None:
    """Prints p50 and p99 at the good readers, with and without, and the ratio."""
    found = uvloop.run(_measure())
    print(f"a stuck reader among {_READERS}: {_RATE} events/s, {_ROUNDS} turns of {_SECONDS} s each (aim: ratio 1)")
    print("  publish → client, ms               p50     p99   missed   largest backlog   closed after")
    ms: dict[bool, list[float]] = {}
    for stuck, (took, said) in found.items():
        ms[stuck] = [_percentile(took, 0.5), _percentile(took, 0.99)]
        missed, most = sum(one["missed"] for one in said), max(one["most"] for one in said)
        cut = f"{max(one['cut'] for one in said):.1f} s" if stuck else "-"
        name = "with a stuck reader" if stuck else "without"
        print(f"  {name:<30}{ms[stuck][0]:8.1f}{ms[stuck][1]:8.1f}{missed:9}{most / 1024:15.0f} kB{cut:>15}")
    p50, p99 = (mine / other for mine, other in zip(ms[True], ms[False], strict=True))
    print(f"  {'ratio':<30}{p50:8.2f}{p99:8.2f}")
