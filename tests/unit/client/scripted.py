"""A server that does what a test says, one connection after the other."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from streamer.sse.events import Event

OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"

Script = Callable[["Visit"], Awaitable[None]]


@dataclass
class Visit:
    """One connection and the request that came with it."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    path: str
    headers: dict[str, str]

    async def send(self, *parts: bytes | Event) -> None:
        """Writes bytes or frames without an id."""
        for part in parts:
            self.writer.write(part if isinstance(part, bytes) else part.frame())
        await self.writer.drain()

    async def gone(self) -> None:
        """Returns when the client has closed its end."""
        while await self.reader.read(1024):
            pass

    def abort(self) -> None:
        """Cuts the connection with a reset."""
        lingering = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, lingering)
        self.writer.transport.abort()


@dataclass
class Server:
    """`visits` in the order in which they came."""

    url: str
    visits: list[Visit] = field(default_factory=list)


@asynccontextmanager
async def serving(*scripts: Script | bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """Runs one script per connection, the last one for all that follow; bytes are sent as they are. When a script
    returns, its connection is closed. An error in a script is raised at the end."""
    failed: list[BaseException] = []
    running: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        running.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            request, *lines = head.strip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            visit = Visit(reader, writer, request.split()[1], headers)
            server.visits.append(visit)
            script = scripts[min(len(server.visits), len(scripts)) - 1]
            await (visit.send(script) if isinstance(script, bytes) else script(visit))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            writer.transport.abort()
        except BaseException as error:
            failed.append(error)
        finally:
            writer.close()
            running.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    scheme = "http" if tls is None else "https"
    server = Server(f"{scheme}://127.0.0.1:{listening.sockets[0].getsockname()[1]}/api/v2/stream")
    try:
        yield server
    finally:
        listening.close()
        for task in list(running):
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    if failed:
        raise failed[0]


def answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    """A whole answer that is no stream; `content_type=` becomes a header, and so on."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body
