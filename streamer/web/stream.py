"""The routes of the stream of all changes and of its status, and the OpenAPI description of a stream."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, FastAPI
from pydantic import ConfigDict, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer import __version__
from streamer.errors import RequestError
from streamer.telemetry.prometheus import Values
from streamer.web import event_schemas, parameters
from streamer.web.identity import CallerIdentity
from streamer.web.operation import (
    MODE,
    STREAM,
    TIME,
    Described,
    Responses,
    declared_query,
    get_or_head,
    headers,
    json_example,
    tidy,
)
from streamer.web.problems import documented, malformed
from streamer.web.scrape import ScrapeAccess
from streamer.web.stream_response import StreamResponder
from streamer.web.tickets import Tickets

PATH: Final = "/api/v2/stream"
STATUS: Final = f"{PATH}/status"
ROUTES: Final = ((PATH, "GET"), (STATUS, "GET"))

OPENED: Final = (
    "Server-Sent Events until the end of the stream's lifetime. With `on_full=wait` also if no stream is free: then"
    " only `closing`."
)
EVENT_STREAM: Final = {
    "externalDocs": {"url": "https://html.spec.whatwg.org/multipage/server-sent-events.html"},
}
ITEM_SCHEMA: Final = "x-itemSchema"
"""The schema of one event. OpenAPI 3.2 calls it `itemSchema`; the document is OpenAPI 3.1."""
_FULL: Final = "Connection limit reached. Try again later."
_FRAMES: Final = (
    'retry: 3000\nevent: connected\ndata: {"connection_id":"9f2c61d07ab34e58","tickers":["TSLA"],"resume":"fresh",'
    '"replayed":0,"mode":"push","retry_ms":3000,"heartbeat_seconds":30,"mode_reason":null,"mode_since":null}\n\n'
)
_BUFFERING: Final = {
    "description": "Disables the buffering of nginx.",
    "schema": {"type": "string", "enum": ["no"]},
    "required": True,
}

Age = Annotated[float | None, WithJsonSchema({"type": ["number", "null"], "minimum": 0})]
NotNegative = Annotated[int, Field(ge=0)]


class Ages(Described):
    """Seconds since the newest change, canary, watermark, and proof of the configurations; null if there was none."""

    change_seconds: Age
    canary_seconds: Age
    watermark_seconds: Age
    configurations_seconds: Age = Field(
        description="Seconds since the start of the last read of the configuration that was read longest ago, among"
        " those that open streams show."
    )


class MemoryUsage(Described):
    """The size of one structure. Bytes are estimates. Limits are null if another structure limits this one."""

    items: NotNegative
    limit: Annotated[int | None, WithJsonSchema({"type": ["integer", "null"], "minimum": 0})]
    bytes: NotNegative
    bytes_limit: Annotated[int | None, WithJsonSchema({"type": ["integer", "null"], "minimum": 0})]


class StreamStatus(Described):
    """The state of the service."""

    model_config = ConfigDict(extra="allow", json_schema_extra=tidy)

    connections: NotNegative
    max_connections: Annotated[int, Field(ge=1)]
    available: NotNegative
    available_to_all: NotNegative = Field(description="Free streams that are not reserved for identified users.")
    uptime_seconds: Annotated[float, Field(ge=0)]
    mode: Annotated[str, WithJsonSchema(MODE)]
    mode_reason: str
    mode_since: Annotated[str, WithJsonSchema(TIME)]
    ages: Ages
    memory: dict[str, MemoryUsage] = Field(description="What grows in memory, with its bounds.")
    version: str


@dataclass(frozen=True, slots=True)
class StreamPart:
    """The sources of the stream routes, which the REST function does not have."""

    responder: StreamResponder
    status: Callable[[], Mapping[str, object]]
    """Called for each request; must not block."""
    history_seconds: float
    tickets: Tickets
    scrape: ScrapeAccess
    values: Callable[[], Values]
    """Called for each scrape; must not block."""


_STATUS_EXAMPLE: Final = {
    "connections": 3, "max_connections": 100, "available": 97, "available_to_all": 77, "uptime_seconds": 86412.1,
    "mode": "push", "mode_reason": "the queue brings what the table has", "mode_since": "2026-11-22T09:02:11.480Z",
    "ages": {"change_seconds": 0.4, "canary_seconds": 12.0, "watermark_seconds": 14.9, "configurations_seconds": 212.0},
    "memory": {"history": {"items": 5120, "limit": None, "bytes": 4126720, "bytes_limit": 67108864}},
    "version": __version__,
}  # fmt: skip


def opened(cache_control: str) -> Responses:
    """Returns the OpenAPI description of the 200 of a stream. `cache_control`: a name in HEADERS."""
    events = {"schema": {"type": "string"}, ITEM_SCHEMA: {"oneOf": event_schemas.items()}, "example": _FRAMES}
    return {
        200: {
            "headers": {**headers(Cache_Control=cache_control), "X-Accel-Buffering": _BUFFERING},
            "content": {"text/event-stream": events},
        }
    }


def refused(unavailable: str = "No stream is free.") -> Responses:
    """Returns the OpenAPI description of the 429 and the 503 of a stream."""
    return {
        **documented(
            429,
            "The user or the address has its maximum number of streams, or the address opens streams too often.",
            "Too many streams of one address. Close one.",
            max_connections=10,
            retry_after=30,
        ),
        **documented(503, unavailable, _FULL, max_connections=100, retry_after=30),
    }


def install(app: FastAPI, part: StreamPart, identity: CallerIdentity) -> None:
    """Adds the routes."""

    @get_or_head(
        app,
        PATH,
        operation_id="stream",
        tags=[STREAM],
        summary="Stream all changes as Server-Sent Events",
        response_class=Response,
        response_description=OPENED,
        responses={
            **opened("Untransformed"),
            **malformed("tickers: entry 2 is empty; leave tickers out to get everything"),
            **refused(),
        },
        openapi_extra={**EVENT_STREAM, "parameters": parameters.documented_parameters(part.history_seconds)},
    )
    async def stream(request: Request) -> Response:
        parsed = parameters.parse(request.query_params, request.headers, part.history_seconds)
        return part.responder.response(parsed, user=_user(identity, request), address=identity.address(request))

    @get_or_head(
        app,
        STATUS,
        operation_id="streamStatus",
        tags=[STREAM],
        summary="Read the state of the service",
        response_model=StreamStatus,
        response_description="Connections, the mode, ages and lags.",
        responses={**json_example(_STATUS_EXAMPLE), **malformed()},
        dependencies=[Depends(declared_query)],
    )
    async def stream_status() -> Response:
        return JSONResponse(part.status(), headers={"Cache-Control": "no-store"})


def _user(identity: CallerIdentity, request: Request) -> str | None:
    """Returns the user's id; None if the caller is not identified, which this public stream allows."""
    try:
        return identity.user(request)
    except RequestError:
        return None
