"""The ASGI application: routes, errors, CORS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer import __version__
from streamer.web import parameters, problems
from streamer.web.stream import StreamDoor

_PAGE = Path(__file__).parent / "page"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_CLIENT = {"client.js": "text/javascript; charset=utf-8", "client.d.ts": "application/typescript; charset=utf-8"}
_CLIENT_HEADERS = {  # any site may import it, and asks each time whether it has changed
    "Access-Control-Allow-Origin": "*",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-cache",
}
_STREAM_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-Sent Events; docs/events.md says which.", "content": {"text/event-stream": {}}},
    422: {"description": "A parameter is malformed.", "content": {"application/problem+json": {}}},
    503: {"description": "Every stream is taken.", "content": {"application/problem+json": {}}},
}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether new traffic is welcome, and in words why or why not."""

    ready: bool
    reason: str


def create_app(
    door: StreamDoor,
    *,
    status: Callable[[], Mapping[str, object]],
    readiness: Callable[[], Readiness],
    history_seconds: float,
    cors_origins: Sequence[str] = (),
) -> ASGIApp:
    """The application. `status` and `readiness` are asked at each request and must not block."""
    app = FastAPI(
        title="Sentiment streamer", version=__version__, docs_url=None, redoc_url=None, redirect_slashes=False
    )
    problems.install(app)

    @app.get(
        "/api/v2/stream",
        summary="Every change as Server-Sent Events",
        response_class=Response,
        responses=_STREAM_RESPONSES,
        openapi_extra={"parameters": list(parameters.PARAMETERS)},
    )
    async def stream(request: Request) -> Response:
        return door.response(parameters.parse(request.query_params, request.headers, history_seconds))

    @app.get("/api/v2/stream/status", summary="What the stream is doing now")
    async def stream_status() -> Response:
        return JSONResponse(status(), headers={"Cache-Control": "no-store"})

    @app.get("/health/live", summary="The process answers")
    async def live() -> Response:
        return JSONResponse({"status": "live"}, headers={"Cache-Control": "no-store"})

    @app.get("/health/ready", summary="New streams are welcome")
    async def ready() -> Response:
        state = readiness()
        if state.ready:
            return JSONResponse({"status": "ready", "reason": state.reason}, headers={"Cache-Control": "no-store"})
        return problems.problem(503, state.reason)

    @app.get("/", include_in_schema=False)
    async def index() -> Response:
        return FileResponse(_PAGE / "index.html", headers=_PAGE_HEADERS)

    files = StaticFiles(directory=_PAGE)

    async def client(request: Request) -> Response:
        name = request.url.path.rpartition("/")[2]
        answer = await files.get_response(name, request.scope)
        answer.headers.update(_CLIENT_HEADERS | {"Content-Type": _CLIENT[name]})
        return answer

    for name in _CLIENT:
        app.add_api_route(f"/{name}", client, methods=["GET", "HEAD"], include_in_schema=False)
    app.mount("/page", _PageFiles(files))
    if not cors_origins:
        return app
    # Outermost, so that errors carry the headers too; no credentials: whoever asks is not known by a cookie.
    return CORSMiddleware(
        app,
        allow_origins=list(cors_origins),
        allow_methods=["GET"],
        allow_headers=["Cache-Control", "Last-Event-ID"],
        expose_headers=["Retry-After"],
        max_age=600,
    )


class _PageFiles:
    """The page's assets, with its headers."""

    def __init__(self, files: StaticFiles) -> None:
        self._files = files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.lower().encode(), value.encode()) for name, value in _PAGE_HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        await self._files(scope, receive, with_headers)
