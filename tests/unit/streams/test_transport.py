"""TransportSink over a real socket and uvloop; what both sinks do alike is tested in tests/integration, over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import wraps
from typing import Any, ParamSpec

import pytest
import uvloop

from streamer.streams.transport import TransportSink
from tests.steps import steps
from tests.watchdog import WATCHDOG

P = ParamSpec("P")


def on_uvloop(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    @wraps(test)
    def run(*arguments: P.args, **named: P.kwargs) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(asyncio.wait_for(test(*arguments, **named), WATCHDOG))

    return run


class Link:
    """A sink and the socket of its client, which takes what the test reads."""

    def __init__(self, sink: TransportSink, client: socket.socket, transport: asyncio.Transport) -> None:
        self.sink = sink
        self.client = client
        self.transport = transport
        self.lost = asyncio.Event()
        self.now = 5.0

    async def read(self, size: int) -> bytes:
        """So many bytes, or fewer at the end."""
        loop, data = asyncio.get_running_loop(), b""
        while len(data) < size and (more := await loop.sock_recv(self.client, min(size - len(data), 65_536))):
            data += more
        return data

    async def rest(self) -> bytes:
        return await self.read(1 << 30)

    def fill(self) -> int:
        """Writes until the kernel takes no more; how many bytes of data that were."""
        written = 0
        while self.sink.blocked_since() is None:
            self.sink.write(b"f" * 4096)
            written += 4096
        return written


@asynccontextmanager
async def link(*, chunked: bool = True) -> AsyncIterator[Link]:
    here, there = socket.socketpair()
    there.setblocking(False)
    transport, _ = await asyncio.get_running_loop().create_connection(asyncio.Protocol, sock=here)
    made: Link
    sink = TransportSink(lambda: made.now)
    made = Link(sink, there, transport)
    sink.attach(made.transport, chunked=chunked, paused=False)
    sink.on_lost = made.lost.set
    try:
        yield made
    finally:
        there.close()
        sink.abort()
        await made.lost.wait()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def unchunked(data: bytes) -> bytes:
    """The body of a chunked response that has ended."""
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            assert data == b"\r\n"
            return body
        body, data = body + data[:length], data[length + 2 :]


@on_uvloop
async def test_the_same_bytes_are_coded_once_for_all() -> None:
    async with link() as one, link() as other, link(chunked=False) as plain:
        data = b"data: 1\n\n"
        for to in (one, other, plain):
            to.sink.write(data)
        assert one.sink._encoder is other.sink._encoder
        assert one.sink._encoder.data is data
        assert await one.read(14) == await other.read(14) == chunk(data)
        assert await plain.read(9) == data
        one.sink.write(b"")
        one.sink.write(b"x" * 9)
        one.sink.close(b"bye")
        one.sink.write(b"never")
        one.sink.close(b"never")
        assert await one.rest() == chunk(b"x" * 9) + chunk(b"bye") + b"0\r\n\r\n"
        plain.sink.close(b"bye")
        assert await plain.rest() == b"bye"
        await one.lost.wait()


@on_uvloop
async def test_what_the_client_does_not_take_is_pending_and_told_as_blocked_until_it_is_taken() -> None:
    async with link() as to:
        blocked, drained = asyncio.Event(), asyncio.Event()
        to.sink.on_blocked, to.sink.on_drained = blocked.set, drained.set
        to.sink.write(b"a")
        assert (to.sink.pending(), to.sink.blocked_since(), blocked.is_set()) == (0, None, False)
        written = to.fill()
        assert blocked.is_set()
        assert to.sink.blocked_since() == 5.0
        to.now = 9.0
        waits = to.sink.pending()
        to.sink.write(b"b" * 100_000)
        assert to.sink.pending() == waits + len(chunk(b"b" * 100_000))
        assert to.sink.blocked_since() == 5.0
        await steps()
        assert not drained.is_set()
        expected = chunk(b"a") + chunk(b"f" * 4096) * (written // 4096) + chunk(b"b" * 100_000)
        assert await to.read(len(expected)) == expected
        await drained.wait()
        assert (to.sink.pending(), to.sink.blocked_since()) == (0, None)


@on_uvloop
async def test_a_client_that_takes_a_little_is_seen_to_take_it() -> None:
    async with link() as to:
        written = to.fill()
        to.sink.write(b"b" * 500_000)
        to.now = 50.0
        await to.read(written)
        while to.sink.blocked_since() == 5.0:
            await steps(1)
        assert to.sink.blocked_since() == 50.0, "a piece of it was taken, the next was not"
        assert to.sink.pending() > 100_000


@on_uvloop
async def test_a_large_write_to_a_client_that_takes_everything_is_followed_by_a_word_that_it_did() -> None:
    async with link() as to:
        drained = asyncio.Event()
        to.sink.on_drained = drained.set
        to.sink.write(b"x" * 40_000)
        assert not drained.is_set(), "the caller is not called in the middle of its own step"
        await to.read(len(chunk(b"x" * 40_000)))
        await drained.wait()


@on_uvloop
async def test_discarding_lets_go_of_what_waits_and_never_cuts_a_frame_in_two() -> None:
    async with link() as to:
        written = to.fill()
        to.sink.write(b"a" * 600_000)
        begun = await to.read(written)
        while to.sink._queue is not None:
            await steps(1)
        assert to.sink._remaining is not None, "some of it is with the kernel, some is not"
        to.sink.write(b"b" * 40_000)
        to.sink.write(b"c" * 40_000)
        assert to.sink.discard() == b"b" * 40_000, "the first of them, not its chunk"
        to.sink.close(b"bye")
        assert to.sink.discard() == b"", "the end is not dropped"
        assert unchunked(begun + await to.rest()) == b"f" * written + b"a" * 600_000 + b"bye"
        await to.lost.wait()


@on_uvloop
async def test_the_end_goes_out_when_the_client_has_taken_the_rest() -> None:
    async with link() as to:
        written = to.fill()
        to.sink.close(b"bye")
        body = unchunked(await to.rest())
        assert body == b"f" * written + b"bye"
        await to.lost.wait()


@on_uvloop
async def test_a_client_that_goes_is_told_once_and_later_writes_are_nothing() -> None:
    async with link() as to:
        to.client.close()
        await to.lost.wait()
        to.sink.write(b"x")
        to.sink.close(b"x")
        to.sink.abort()
        assert to.sink.pending() == 0


@on_uvloop
async def test_abort_ends_a_blocked_stream_at_once() -> None:
    async with link() as to:
        to.fill()
        to.sink.close(b"bye")
        to.sink.abort()
        await to.lost.wait()
        assert not (await to.rest()).endswith(b"0\r\n\r\n")


@on_uvloop
async def test_what_a_client_sends_meanwhile_is_dropped_and_bounded() -> None:
    async with link() as to:
        await asyncio.get_running_loop().sock_sendall(to.client, b"GET / HTTP/1.1\r\n\r\n" * 10)
        to.sink.write(b"x")
        assert await to.read(6) == chunk(b"x")
        assert not to.lost.is_set()
        for _ in range(9):
            to.client.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(to.client, b"x" * 8_000)
        await to.lost.wait()


@on_uvloop
async def test_a_failure_in_what_follows_a_drain_is_logged_and_ends_the_stream(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken() -> None:
        raise ValueError("a bug")

    async with link() as to:
        to.sink.on_drained = broken
        to.sink.write(b"x" * 40_000)
        await to.lost.wait()
        assert "a bug" in caplog.text
