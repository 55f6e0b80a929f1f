"""A connection without a socket: a transport that takes what it is told to, and a clock that a test moves."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.server import ServerState

from streamer.server.capacity import Capacity
from streamer.server.connection import Connection
from streamer.server.limits import ConnectionLimits
from streamer.server.state import ConnectionState
from tests.steps import steps


class ManualLoop:
    """The running loop for tasks, and a time of its own."""

    def __init__(self) -> None:
        self._real = asyncio.get_running_loop()
        self._now = 1_000.0
        self._timers: list[tuple[float, int, Timer]] = []
        self._made = 0

    @property
    def armed(self) -> list[float]:
        """When the timers that are not cancelled are due, from now."""
        return sorted(due - self._now for due, _, timer in self._timers if timer.call is not None)

    def time(self) -> float:
        """Seconds."""
        return self._now

    def call_later(self, delay: float, call: Callable[[], None]) -> Timer:
        """See asyncio."""
        timer, self._made = Timer(call), self._made + 1
        heapq.heappush(self._timers, (self._now + delay, self._made, timer))
        return timer

    def create_task(self, task: Coroutine[Any, Any, None], *, context: Context) -> asyncio.Task[None]:
        """See asyncio."""
        return self._real.create_task(task, context=context)

    def create_future(self) -> asyncio.Future[None]:
        """See asyncio."""
        return self._real.create_future()

    async def advance(self, seconds: float) -> None:
        """Lets so much time pass: what is due is called when it is due."""
        end = self._now + seconds
        while self._timers and self._timers[0][0] <= end:
            self._now, _, timer = heapq.heappop(self._timers)
            if timer.call is not None:
                timer.call()
                await steps(9)
        self._now = end
        await steps(9)


class Timer:
    """What call_later returns."""

    def __init__(self, call: Callable[[], None] | None) -> None:
        self.call = call

    def cancel(self) -> None:
        """See asyncio."""
        self.call = None


class Pipe(asyncio.Transport):
    """A transport whose peer takes everything, or, while `stuck`, nothing."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 5), "sockname": ("192.0.2.2", 80)})
        self.protocol: asyncio.BaseProtocol | None = None
        self.taken = bytearray()
        self.waiting = bytearray()
        self.stuck = False
        self.reading = True
        self.said_eof = self.closing = self.aborted = self.lost = False
        self._high = 64 * 1024

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """See asyncio."""
        self._high = high or 0

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """See asyncio."""
        self.protocol = protocol

    def get_write_buffer_size(self) -> int:
        """See asyncio."""
        return len(self.waiting)

    def write(self, data: Any) -> None:
        """See asyncio."""
        assert not self.lost, "written to a connection that is gone"
        assert not self.said_eof, "written behind the end"
        before = len(self.waiting) > self._high
        (self.waiting if self.stuck else self.taken).extend(data)
        if not before and len(self.waiting) > self._high:
            assert self.protocol is not None
            self.protocol.pause_writing()

    def take(self) -> None:
        """The peer takes what waits."""
        was, before = len(self.waiting), len(self.taken)
        self.taken += self.waiting
        self.waiting.clear()
        assert self.protocol is not None
        if was > self._high:
            self.protocol.resume_writing()
        assert before <= len(self.taken)
        if self.closing:
            self.lose()

    def pause_reading(self) -> None:
        """See asyncio."""
        self.reading = False

    def resume_reading(self) -> None:
        """See asyncio."""
        self.reading = True

    def can_write_eof(self) -> bool:
        """See asyncio."""
        return True

    def write_eof(self) -> None:
        """See asyncio."""
        self.said_eof = True

    def is_closing(self) -> bool:
        """See asyncio."""
        return self.closing

    def close(self) -> None:
        """See asyncio; at once where nothing waits."""
        self.closing = True
        if not self.waiting:
            self.lose()

    def abort(self) -> None:
        """See asyncio."""
        self.closing = self.aborted = True
        self.waiting.clear()
        self.lose()

    def lose(self) -> None:
        """The connection is gone."""
        if not self.lost:
            self.closing = self.lost = True
            assert isinstance(self.protocol, asyncio.Protocol)
            asyncio.get_running_loop().call_soon(self.protocol.connection_lost, None)


class Link:
    """One connection, its peer, and what the application saw."""

    def __init__(self, server: FakeServer) -> None:
        self.pipe = Pipe()
        self.connection: Connection = server.connect()
        self.pipe.protocol = self.connection
        self.connection.connection_made(self.pipe)

    @property
    def state(self) -> ConnectionState:
        """Of the connection."""
        return self.connection.state

    @property
    def held(self) -> int:
        """Bytes of the client's that the process holds for it, the answer's aside."""
        requests = self.connection._requests
        return requests.buffered + requests.content

    async def send(self, data: bytes) -> None:
        """Bytes arrive in one segment."""
        if not self.pipe.lost:
            self.connection.data_received(data)
        await steps(9)

    @property
    def statuses(self) -> list[int]:
        """Of what was answered so far; whole answers by their own length."""
        return [status for status, _, _ in answers(bytes(self.pipe.taken))]


class FakeServer:
    """What uvicorn gives to its connections."""

    def __init__(self, app: ASGIApp, *, taken: Callable[[], int] | None = lambda: 0, **limits: Any) -> None:
        self.loop = ManualLoop()
        self.state = ServerState()
        self._config = cast("uvicorn.Config", type("Config", (), {"loaded_app": staticmethod(app)}))
        self._capacity = Capacity(ConnectionLimits(**limits), taken)

    def connect(self) -> Connection:
        """A new connection's protocol."""
        return Connection(
            self._config,
            self.state,
            None,
            cast("asyncio.AbstractEventLoop", self.loop),
            capacity=self._capacity,
        )


def answers(data: bytes) -> list[tuple[int, dict[str, str], bytes]]:
    """The responses in a connection's bytes, sized or chunked: status, headers by lower-case name, body."""
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        assert first.startswith("HTTP/1.1 "), first
        status = int(first.split()[1])
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while data:
                size, _, data = data.partition(b"\r\n")
                body, data = body + data[: int(size, 16)], data[int(size, 16) + 2 :]
                if not int(size, 16):
                    break
        elif "content-length" in headers:
            length = int(headers["content-length"])
            body, data = data[:length], data[length:]
        elif status >= 200:
            body, data = data, b""
        found.append((status, headers, body))
    return found


class Recorded:
    """An application that keeps what reaches it in whole, and answers 200."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, list[tuple[bytes, bytes]], bytes]] = []
        self.begun = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        self.requests.append((scope["method"], target.decode(), scope["headers"], message["body"]))
        await answer(send, 200, b"" if scope["method"] == "HEAD" else b"ok")


async def answer(send: Send, status: int = 200, body: bytes = b"ok", *headers: tuple[bytes, bytes]) -> None:
    """One sized answer."""
    length = (b"content-length", b"%d" % len(body))
    start: Message = {"type": "http.response.start", "status": status, "headers": [length, *headers]}
    await send(start)
    await send({"type": "http.response.body", "body": body})
