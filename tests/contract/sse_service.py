"""The test service that LaunchDarkly's SSE contract tests drive: it follows a stream with `streamer.client` and reports
each event to the tests.

    python -m tests.contract.sse_service 8000
    sse-contract-tests --url http://127.0.0.1:8000 --host 127.0.0.1

Its interface is docs/service_spec.md of github.com/launchdarkly/sse-contract-tests.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from streamer.client import NotAStream, Received, Reconnect, Stream

CAPABILITIES: Final = ["bom", "headers", "last-event-id", "read-timeout", "server-directed-shutdown-request"]
"""Not among them: comments, other methods than GET, listeners by type, and a restart on request. The client does not
have these."""

LIMITS: Final = {
    "basic parsing/large message in one chunk": "an event has at most 1 MiB",
    "basic parsing/large message in two chunks": "an event has at most 1 MiB",
}
"""Tests that fail, and why this is intended."""


class SseTestService:
    """Streams by number, each followed by a task."""

    def __init__(self) -> None:
        self._following: dict[int, asyncio.Task[None]] = {}
        self._numbers = itertools.count(1)
        self._http = httpx.AsyncClient(trust_env=False)

    def app(self) -> Starlette:
        routes = [
            Route("/", self._status),
            Route("/", self._create, methods=["POST"]),
            Route("/streams/{number:int}", self._close, methods=["DELETE"]),
        ]
        return Starlette(routes=routes, lifespan=self._lifespan)

    @asynccontextmanager
    async def _lifespan(self, _: Starlette) -> AsyncIterator[None]:
        async with self._http:
            yield
            for task in self._following.values():
                task.cancel()
            await asyncio.gather(*self._following.values(), return_exceptions=True)

    async def _status(self, _: Request) -> Response:
        return JSONResponse({"capabilities": CAPABILITIES})

    async def _create(self, request: Request) -> Response:
        number = next(self._numbers)
        self._following[number] = asyncio.create_task(self._follow(await request.json()))
        return Response(status_code=201, headers={"Location": f"/streams/{number}"})

    async def _close(self, request: Request) -> Response:
        task = self._following.pop(request.path_params["number"], None)
        if task is None:
            return Response(status_code=404)
        task.cancel()
        return Response(status_code=204)

    async def _follow(self, wanted: dict[str, Any]) -> None:
        most = wanted.get("initialDelayMs")
        reconnect = Reconnect(
            watchdog=(wanted.get("readTimeoutMs") or 45_000) / 1000,
            sleep=lambda wait: asyncio.sleep(wait if most is None else min(wait, most / 1000)),
        )
        stream = Stream(
            wanted["streamUrl"],
            last_event_id=wanted.get("lastEventId") or "",
            headers=wanted.get("headers"),
            reconnect=reconnect,
            keep_repeats=True,
        )
        counter = itertools.count(1)

        async def report(message: dict[str, Any]) -> None:
            await self._http.post(f"{wanted['callbackUrl']}/{next(counter)}", json=message)

        try:
            async with stream:
                async for each in stream:
                    if isinstance(each, Received):
                        event = {"type": each.name, "data": each.data, "id": each.id}
                        await report({"kind": "event", "event": event})
                    else:
                        await report({"kind": "error", "error": each.reason})
        except NotAStream as error:
            await report({"kind": "error", "error": str(error)})


if __name__ == "__main__":
    uvicorn.run(SseTestService().app(), host="127.0.0.1", port=int(sys.argv[1]), log_level="warning")
