"""While strangers do what they like with their connections, twenty streams miss nothing, health checks are answered,
and memory is bounded."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

import pytest

from tests.watchdog import WATCHDOG

pytestmark = [
    pytest.mark.slow("attacks for minutes"),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]

ROOT: Final = Path(__file__).parents[2]
READERS: Final = 20
CHECKS: Final = 40
MOST: Final = 150 * 1024 * 1024
GET: Final = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
POST: Final = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


class Attacked:
    """The process, and strangers' connections to it."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.strangers: list[socket.socket] = []

    @property
    def rss(self) -> int:
        """Bytes."""
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", text)
        assert found
        return int(found[1]) * 1024

    async def stranger(self) -> socket.socket:
        """A connection that reads nothing; it is closed in the end."""
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        self.strangers.append(sock)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", self.port))
        return sock

    async def send(self, sock: socket.socket, data: bytes) -> bool:
        """As much as is taken; False: it was closed."""
        try:
            await asyncio.get_running_loop().sock_sendall(sock, data)
        except OSError:
            return False
        return True

    async def health(self) -> None:
        """One check, on a connection of its own."""
        await self.ask(b"/health/live")

    async def ask(self, path: bytes) -> None:
        """One question that is answered, on a connection of its own."""
        async with asyncio.timeout(WATCHDOG):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)
            answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 200 "), answer


@asynccontextmanager
async def attacked(files: int) -> AsyncIterator[Attacked]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.integration.attacked", str(files)),
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    attack = Attacked(process, int(await process.stdout.readline()))
    try:
        yield attack
    finally:
        for sock in attack.strangers:
            sock.close()
        process.stdin.close()
        await process.wait()
    assert process.returncode == 0


class Follower:
    """A good client of one stream."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.numbers: list[int] = []
        self.moved = asyncio.Event()

    async def run(self) -> None:
        """Reads until it is cancelled."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            writer.write(b"GET /api/v2/stream HTTP/1.1\r\nHost: x\r\n\r\n")
            while line := await reader.readline():
                if found := re.search(rb'"source_id":"AAPL:(\d+)"', line):
                    self.numbers.append(int(found[1]))
                    self.moved.set()
        finally:
            writer.close()

    async def reach(self, number: int) -> None:
        """Returns when it has an item of so high a number."""
        async with asyncio.timeout(WATCHDOG):
            while not self.numbers or self.numbers[-1] < number:
                self.moved.clear()
                await self.moved.wait()


def endless(begins: bytes, goes_on: bytes) -> Callable[[Attacked], Awaitable[None]]:
    async def attack(victim: Attacked) -> None:
        async def one() -> None:
            sock = await victim.stranger()
            taken = await victim.send(sock, begins)
            sent = 0
            while taken:
                taken = await victim.send(sock, goes_on)
                sent += len(goes_on)
                assert sent < 64 * 1024 * 1024, "it is read for ever"

        for _ in range(3):
            await asyncio.gather(*(one() for _ in range(20)))

    return attack


async def pipelines(victim: Attacked) -> None:
    sending = [asyncio.create_task(victim.send(await victim.stranger(), GET * 13_000)) for _ in range(40)]
    await checks(victim)
    for task in sending:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def unread(victim: Attacked) -> None:
    for _ in range(300):
        sock = await victim.stranger()
        await victim.send(sock, b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\n\r\n")


async def owing(victim: Attacked) -> None:
    for number in range(300):
        sock = await victim.stranger()
        await victim.send(sock, b"GET /docs/swagger-ui-bundle.js HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n")
        if number % 20 == 0:
            await victim.ask(b"/")


async def silent(victim: Attacked) -> None:
    for number in range(300):
        sock = await victim.stranger()
        await victim.send(sock, GET[: number % len(GET)])
        if number % 20 == 0:
            await victim.health()


async def kept(victim: Attacked) -> None:
    for _ in range(300):
        sock = await victim.stranger()
        await victim.send(sock, b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n\r\n")


async def checks(victim: Attacked) -> None:
    for _ in range(CHECKS):
        await victim.health()


@pytest.mark.parametrize(
    "attack",
    [
        pytest.param(endless(b"GET / HTTP/1.1\r\nHost: x\r\nX: ", b"x" * 65_536), id="a value without end"),
        pytest.param(endless(b"GET / HTTP/1.1\r\nHost: x\r\n", b"x" * 65_536), id="a name without end"),
        pytest.param(endless(POST + b"0\r\nX: ", b"x" * 65_536), id="a trailer without end"),
        pytest.param(endless(POST + b"0\r\n", b"a: b\r\n" * 8_000), id="trailers without end"),
        pytest.param(endless(POST, b"1\r\na\r\n" * 8_000), id="chunks without end"),
        pytest.param(endless(b"", b"\r\n" * 32_768), id="empty lines without end"),
        pytest.param(endless(b"nonsense\r\n\r\n", b"x" * 65_536), id="more behind a refusal"),
        pytest.param(pipelines, id="pipelines"),
        pytest.param(unread, id="unread files"),
        pytest.param(owing, id="requests that owe their body, and unread files"),
        pytest.param(silent, id="silent connections"),
        pytest.param(kept, id="kept connections"),
    ],
)
@pytest.mark.parametrize("files", [228, 1_024])
async def test_others_do_not_notice(attack: Callable[[Attacked], Awaitable[None]], files: int) -> None:
    async with attacked(files) as victim:
        followers = [Follower(victim.port) for _ in range(READERS)]
        following = [asyncio.create_task(follower.run()) for follower in followers]
        for follower in followers:
            await follower.reach(1)
        await victim.health()
        before = most = victim.rss
        attacking = asyncio.ensure_future(attack(victim))
        while not attacking.done():
            await victim.health()
            most = max(most, victim.rss)
        await attacking
        await checks(victim)
        most = max(most, victim.rss)
        now = max(follower.numbers[-1] for follower in followers)
        for follower in followers:
            await follower.reach(now + 1)
            assert follower.numbers == list(range(follower.numbers[0], follower.numbers[-1] + 1))
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        assert most - before < MOST, f"{(most - before) >> 20} MB"
