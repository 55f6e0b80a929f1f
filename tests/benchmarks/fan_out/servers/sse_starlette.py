"""sse-starlette's EventSourceResponse over a queue for each client; it encodes and pings by itself."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response
from sse_starlette import EventSourceResponse

from tests.benchmarks.fan_out.servers.running import run

app = FastAPI()
_clients: set[asyncio.Queue[dict[str, str]]] = set()
_numbers = itertools.count()


async def _events() -> AsyncIterator[dict[str, str]]:
    queue: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    _clients.add(queue)
    try:
        while True:
            yield await queue.get()
    finally:
        _clients.discard(queue)


@app.get("/stream")
async def stream() -> EventSourceResponse:
    """Every event from now on."""
    return EventSourceResponse(_events())


@app.post("/publish")
async def publish(request: Request) -> Response:
    """Gives an event to everybody."""
    event = {
        "id": f"evt_{next(_numbers):036}",
        "event": "sentiment_update",
        "data": (await request.body()).decode(),
    }
    for client in _clients:
        client.put_nowait(event)
    return Response(status_code=204)


if __name__ == "__main__":
    run(app, int(sys.argv[1]))
