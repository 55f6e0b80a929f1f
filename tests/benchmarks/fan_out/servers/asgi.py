"""A bare ASGI application on uvicorn: a queue for each client, and `send` of bytes that were encoded once."""

from __future__ import annotations

import asyncio
import itertools
import sys

from starlette.types import Receive, Scope, Send

from tests.benchmarks.fan_out.payload import frame
from tests.benchmarks.fan_out.servers.running import run

_HEADERS = [(b"content-type", b"text/event-stream"), (b"cache-control", b"no-cache")]
_clients: set[asyncio.Queue[bytes]] = set()
_numbers = itertools.count()


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """See ASGI 3.0."""
    if scope["method"] == "POST":
        event = frame(next(_numbers), (await receive())["body"].decode())
        for client in _clients:
            client.put_nowait(event)
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    _clients.add(queue)
    try:
        while True:
            await send({"type": "http.response.body", "body": await queue.get(), "more_body": True})
    finally:
        _clients.discard(queue)


if __name__ == "__main__":
    run(app, int(sys.argv[1]))
