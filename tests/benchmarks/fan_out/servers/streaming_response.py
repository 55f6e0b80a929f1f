"""FastAPI's StreamingResponse over a queue for each client; the event is encoded once for everybody."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse

from tests.benchmarks.fan_out.payload import frame
from tests.benchmarks.fan_out.servers.running import run

app = FastAPI()
_clients: set[asyncio.Queue[bytes]] = set()
_numbers = itertools.count()


async def _events() -> AsyncIterator[bytes]:
    queue: asyncio.Queue[bytes] = asyncio.Queue()
    _clients.add(queue)
    try:
        while True:
            yield await queue.get()
    finally:
        _clients.discard(queue)


@app.get("/stream")
async def stream() -> StreamingResponse:
    """Every event from now on."""
    return StreamingResponse(_events(), media_type="text/event-stream", headers={"Cache-Control": "no-cache"})


@app.post("/publish")
async def publish(request: Request) -> Response:
    """Gives an event to everybody."""
    event = frame(next(_numbers), (await request.body()).decode())
    for client in _clients:
        client.put_nowait(event)
    return Response(status_code=204)


if __name__ == "__main__":
    run(app, int(sys.argv[1]))
