"""The counts of the last 24 hours over HTTP, as the `metrics` event says them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from streamer.sse.events import Metrics
from streamer.web.query import known

PATH: Final = "/api/v2/metrics"

Count = Callable[[], Awaitable[Metrics]]
"""The counts of now, or of a minute ago; `timestamp` says when. May raise TableError: 503."""


def install(app: FastAPI, count: Count) -> None:
    """Adds the route."""

    async def metrics(request: Request) -> Response:
        known(request.query_params)
        said = await count()
        return Response(said.data(), media_type="application/json", headers={"Cache-Control": "no-store"})

    app.add_api_route(PATH, metrics, methods=["GET"], include_in_schema=False)
