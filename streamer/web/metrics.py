"""The route of the counts of the last 24 hours, with the members of the `metrics` event."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from fastapi import Depends, FastAPI
from starlette.responses import Response

from streamer.sse.events import Metrics
from streamer.web.event_schemas import MODELS
from streamer.web.operation import SNAPSHOT, declared_query, get_or_head, json_example
from streamer.web.problems import TABLE_AWAY, malformed

PATH: Final = "/api/v2/metrics"

Count = Callable[[], Awaitable[Metrics]]
"""Returns counts that are at most a minute old. May raise TableError (503)."""

_EXAMPLE: Final = {
    "total": 3, "positive": 1, "neutral": 1, "negative": 1, "by_tag": {"TSLA": 2, "AAPL": 1, "other": 0},
    "rate_last_hour": 0.05, "rate_last_24h": 0.002, "since": "2026-11-21T14:18:47.000Z",
    "timestamp": "2026-11-22T14:18:47.000Z",
    "by_ticker": {
        "TSLA": {"positive": 1, "neutral": 0, "negative": 1, "mean": 0.05},
        "AAPL": {"positive": 0, "neutral": 1, "negative": 0, "mean": 0},
    },
}  # fmt: skip


def install(app: FastAPI, count: Count) -> None:
    """Adds the route."""

    @get_or_head(
        app,
        PATH,
        operation_id="metrics",
        tags=[SNAPSHOT],
        summary="Read the counts of the last 24 hours",
        description="The members of the event `metrics`. The counts of the streaming service are current; those of the"
        " REST function are up to a minute old. They are complete from `since` on.",
        response_model=MODELS[Metrics],
        response_description="The counts.",
        responses={**json_example(_EXAMPLE), **malformed(), **TABLE_AWAY},
        dependencies=[Depends(declared_query)],
    )
    async def metrics() -> Response:
        counts = await count()
        return Response(counts.data(), media_type="application/json", headers={"Cache-Control": "no-store"})
