"""A reverse proxy that does one thing wrong. It speaks HTTP/1.0 to the service, so that bodies come unframed."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, Literal

Wrong = Literal["nothing", "buffers", "gzips", "doubles", "drops", "cuts", "closes"]
"""`cuts`: after some pieces of a stream; `closes`: chunked coding is missing."""

_PAGE: Final = 65_536
_PIECES: Final = 4


@asynccontextmanager
async def before(port: int, wrong: Wrong) -> AsyncIterator[str]:
    """Runs it before the service at this port; its URL."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await _pass_on(port, wrong, reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except asyncio.CancelledError:
            pass  # asyncio would report it as an error of the connection
        finally:
            writer.transport.abort()
            tasks.discard(task)

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    finally:
        listening.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pass_on(port: int, wrong: Wrong, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    request = (await reader.readuntil(b"\r\n\r\n")).replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n")
    if wrong == "drops":
        request = re.sub(rb"(?i)last-event-id:.*?\r\n", b"", request)
    up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        up_writer.write(request)
        head = await up_reader.readuntil(b"\r\n\r\n")
        stream = b"text/event-stream" in head
        zipped = wrong == "gzips" and stream and b"gzip" in request
        head = head.replace(b"HTTP/1.0 ", b"HTTP/1.1 ", 1)
        head = re.sub(rb"(?i)content-length:.*?\r\n", b"", head)
        extra = b"" if wrong == "closes" else b"Transfer-Encoding: chunked\r\n"
        extra += b"Cache-Control: no-cache, no-transform\r\n" if wrong == "doubles" and stream else b""
        extra += b"Content-Encoding: gzip\r\n" if zipped else b""
        head = head[:-2] + extra + b"\r\n"
        held, pieces = b"", 0
        while part := await up_reader.read(65_536):
            held, pieces = held + part, pieces + 1
            if wrong == "cuts" and stream and pieces > _PIECES:
                return
            if not (wrong == "buffers" and stream and len(held) < _PAGE):
                _write(writer, head, gzip.compress(held) if zipped else held, wrong)
                head, held = b"", b""
                await writer.drain()
        _write(writer, head, held, wrong)
        if wrong != "closes":
            writer.write(b"0\r\n\r\n")
        await writer.drain()
        writer.write_eof()
        await reader.read()
    finally:
        up_writer.transport.abort()


def _write(writer: asyncio.StreamWriter, head: bytes, data: bytes, wrong: Wrong) -> None:
    writer.write(head)
    if data:
        writer.write(data if wrong == "closes" else b"%x\r\n%b\r\n" % (len(data), data))
