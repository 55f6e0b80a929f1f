"""FastAPI's own `fastapi.sse` over a queue for each client; it encodes, checks and pings by itself."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterable

from fastapi import FastAPI, Request, Response
from fastapi.sse import EventSourceResponse, ServerSentEvent

from tests.benchmarks.fan_out.servers.running import run

app = FastAPI()
_clients: set[asyncio.Queue[ServerSentEvent]] = set()
_numbers = itertools.count()


@app.get("/stream", response_class=EventSourceResponse)
async def stream() -> AsyncIterable[ServerSentEvent]:
    """Every event from now on."""
    queue: asyncio.Queue[ServerSentEvent] = asyncio.Queue()
    _clients.add(queue)
    try:
        while True:
            yield await queue.get()
    finally:
        _clients.discard(queue)


@app.post("/publish")
async def publish(request: Request) -> Response:
    """Gives an event to everybody."""
    line = (await request.body()).decode()
    event = ServerSentEvent(id=f"evt_{next(_numbers):036}", event="sentiment_update", raw_data=line)
    for client in _clients:
        client.put_nowait(event)
    return Response(status_code=204)


if __name__ == "__main__":
    run(app, int(sys.argv[1]))
