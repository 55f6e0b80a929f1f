"""The ASGI application: routes by parts, errors, CORS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI, Request
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer import __version__
from streamer.errors import RequestError
from streamer.web import (
    configuration_stream,
    configurations,
    docs,
    metrics,
    openapi,
    parameters,
    problems,
    snapshot,
)
from streamer.web.assets import Asset, Assets
from streamer.web.query import known
from streamer.web.stream import StreamDoor
from streamer.web.tickets import Tickets

STREAM = "/api/v2/stream"
STATUS = f"{STREAM}/status"

_PAGE = Path(__file__).parent / "page"
_PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}
_PAGE_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_CLIENT = {"client.js": "text/javascript; charset=utf-8", "client.d.ts": "application/typescript; charset=utf-8"}
_CLIENT_HEADERS = {  # any site may import it, and asks each time whether it has changed
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-cache",
}
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether new traffic is welcome, and in words why or why not."""

    ready: bool
    reason: str


@dataclass(frozen=True, slots=True)
class RestPart:
    """What REST answers from. The same in every deployment."""

    identify: configurations.Identify
    configurations: configurations.Configurations | None
    """None: there are none here, and nobody can make one."""
    snapshot: snapshot.Snapshot
    count: metrics.Count


@dataclass(frozen=True, slots=True)
class StreamPart:
    """What streams and their page need. Not in a buffered Lambda."""

    door: StreamDoor
    status: Callable[[], Mapping[str, object]]
    """Asked at each request; must not block."""
    history_seconds: float
    tickets: Tickets
    address: configuration_stream.Address


def create_app(
    rest: RestPart,
    stream: StreamPart | None = None,
    *,
    readiness: Callable[[], Readiness],
    cors_origins: Sequence[str] = (),
) -> ASGIApp:
    """The application: REST, and streams with their page where `stream` is given. `readiness` is asked at each request
    and must not block."""
    app = FastAPI(
        title="Sentiment streamer",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    problems.install(app)
    if stream is None:
        _install_no_streams(app)
    else:
        _install_streams(app, stream, rest.identify)
        configuration_stream.install(
            app,
            stream.door,
            rest.identify,
            stream.address,
            stream.tickets,
            rest.configurations,
            stream.history_seconds,
        )
        _install_page(app)
    configurations.install(app, rest.identify, rest.configurations)
    snapshot.install(app, rest.snapshot)
    metrics.install(app, rest.count)
    _install_health(app, readiness)
    docs.install(app, openapi.write(openapi.document(streams=stream is not None)))
    if not cors_origins:
        return _NoSniffing(app)
    # Around everything, so that errors carry the headers too; no credentials: whoever asks is not known by a cookie.
    shared = CORSMiddleware(
        app,
        allow_origins=list(cors_origins),
        allow_methods=["GET", "POST", "PATCH", "DELETE"],
        allow_headers=["Cache-Control", "Content-Type", "If-Match", "Last-Event-ID"],
        expose_headers=["ETag", "Location", "Retry-After"],
        max_age=600,
    )
    return _NoSniffing(shared)


def _install_streams(app: FastAPI, part: StreamPart, identify: configurations.Identify) -> None:
    async def stream(request: Request) -> Response:
        asked = parameters.parse(request.query_params, request.headers, part.history_seconds)
        return part.door.response(asked, user=_known(identify, request), address=part.address(request))

    async def status(request: Request) -> Response:
        known(request.query_params)
        return JSONResponse(part.status(), headers=_NO_STORE)

    app.router.add_route(STREAM, stream, methods=["GET"], include_in_schema=False)  # HEAD too; nothing is injected
    app.router.add_route(STATUS, status, methods=["GET"], include_in_schema=False)


def _known(identify: configurations.Identify, request: Request) -> str | None:
    """Who asks for a stream that everybody may have; None: nobody who is known."""
    try:
        return identify(request)
    except RequestError:
        return None


def _install_no_streams(app: FastAPI) -> None:
    async def elsewhere(_: Request) -> Response:
        raise RequestError(404, "Streams are not served here, but by the streaming service.")

    for path in (STREAM, STATUS):
        app.add_api_route(path, elsewhere, methods=["GET"], include_in_schema=False)
    configuration_stream.install_nowhere(app)


def _install_health(app: FastAPI, readiness: Callable[[], Readiness]) -> None:
    async def live(_: Request) -> Response:
        return JSONResponse({"status": "live"}, headers=_NO_STORE)

    async def ready(_: Request) -> Response:
        state = readiness()
        if state.ready:
            return JSONResponse({"status": "ready", "reason": state.reason}, headers=_NO_STORE)
        return problems.problem(503, state.reason)

    app.router.add_route("/health/live", live, methods=["GET"], include_in_schema=False)
    app.router.add_route("/health/ready", ready, methods=["GET"], include_in_schema=False)


def _install_page(app: FastAPI) -> None:
    served = {
        path.name: Asset(path.read_bytes, _PAGE_TYPES[path.suffix], _PAGE_HEADERS)
        for path in _PAGE.iterdir()
        if path.name not in _CLIENT
    }
    for name, kind in _CLIENT.items():
        client = Asset((_PAGE / name).read_bytes, kind, _CLIENT_HEADERS)
        app.router.add_route(f"/{name}", client.answer, methods=["GET"], include_in_schema=False)
        served[name] = Asset((_PAGE / name).read_bytes, kind, _PAGE_HEADERS)
    app.router.add_route("/", served["index.html"].answer, methods=["GET"], include_in_schema=False)
    app.router.add_route("/page/{name}", Assets(served).answer, methods=["GET"], include_in_schema=False)


class _NoSniffing:
    """No answer is taken for another type than it says."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            await send(message)

        await self.app(scope, receive, sending)
