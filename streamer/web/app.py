"""Builds the ASGI application: routes, error responses, CORS."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer import __version__
from streamer.errors import RequestError
from streamer.web import (
    configuration_stream,
    configurations,
    docs,
    health,
    metrics,
    openapi,
    problems,
    scrape,
    sentiment,
    series,
    session,
    stream,
)
from streamer.web.assets import Asset, Assets
from streamer.web.health import Readiness
from streamer.web.identity import CallerIdentity, Network
from streamer.web.operation import Operation
from streamer.web.operators import OperatorsOnly
from streamer.web.stream import StreamPart

_PAGE = Path(__file__).parent / "page"
_PAGE_HEADERS = {"Referrer-Policy": "no-referrer", "Cache-Control": "no-cache"}
_PAGE_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".LICENSE": "text/plain; charset=utf-8",
    ".svg": "image/svg+xml",
}
_CLIENT = Path(__file__).parent / "client"
_CLIENT_TYPES = {".js": "text/javascript; charset=utf-8", ".ts": "application/typescript; charset=utf-8"}
_CLIENT_HEADERS = {  # any site may import the client; browsers revalidate it for each use
    "Access-Control-Allow-Origin": "*",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class RestPart:
    """The sources of the REST routes, which every deployment has."""

    identity: CallerIdentity
    configurations: configurations.ConfigurationStore | None
    """None if the deployment has no users table."""
    snapshot: sentiment.SnapshotReader
    count: metrics.Count
    series: series.SeriesReader


def create_app(
    rest: RestPart,
    streams: StreamPart | None = None,
    *,
    readiness: Callable[[], Readiness],
    cors_origins: Sequence[str] = (),
    frame_ancestors: Sequence[str] = (),
    operators: Sequence[Network] = (),
) -> ASGIApp:
    """Returns the application: the REST routes and, if `streams` is given, the routes of the streams and the page.
    `readiness` is called for each request and must not block. `frame_ancestors`: origins that may embed the page.
    `operators`: networks of the clients that see the status and the documentation; empty: everyone."""
    app = FastAPI(
        title="Sentiment streamer",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.router.route_class = Operation
    problems.install(app)
    if streams is None:
        for path, method in (*stream.ROUTES, *configuration_stream.ROUTES):
            methods = ["GET", "HEAD"] if method == "GET" else [method]
            app.add_api_route(path, _no_streams, methods=methods, include_in_schema=False)
    else:
        stream.install(app, streams, rest.identity)
        configuration_stream.install(app, streams, rest.identity, rest.configurations)
        session.install(app, rest.identity, configurations=rest.configurations is not None)
        scrape.install(app, streams.scrape, streams.values)
        _install_page(app, frame_ancestors)
    configurations.install(app, rest.identity, rest.configurations)
    sentiment.install(app, rest.snapshot)
    series.install(app, rest.series)
    metrics.install(app, rest.count)
    health.install(app, readiness)
    docs.install(app, lambda: openapi.write(openapi.document(app)))
    served: ASGIApp = OperatorsOnly(app, rest.identity, operators) if operators else app
    if not cors_origins:
        return _Finish(served)
    # The outer middleware, so that errors have the headers, too. No credentials: no caller is identified by cookies.
    with_cors = CORSMiddleware(
        served,
        allow_origins=list(cors_origins),
        allow_methods=["GET", "HEAD", "POST", "PATCH", "DELETE"],
        allow_headers=["Cache-Control", "Content-Type", "If-Match", "Last-Event-ID"],
        expose_headers=["ETag", "Location", "Retry-After", "WWW-Authenticate"],
        max_age=600,
    )
    return _Finish(with_cors)


async def _no_streams(_: Request) -> Response:
    raise RequestError(404, "This function serves no streams; the streaming service does.")


def page_headers(frame_ancestors: Sequence[str] = ()) -> dict[str, str]:
    """Returns the headers of the page. Scripts and styles are files of the service; no form is ever sent."""
    ancestors = " ".join(frame_ancestors) or "'none'"
    policy = f"default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
    return {"Content-Security-Policy": policy, **_PAGE_HEADERS}


def _install_page(app: FastAPI, frame_ancestors: Sequence[str]) -> None:
    headers = page_headers(frame_ancestors)
    served = {path.name: Asset(path.read_bytes, _PAGE_TYPES[path.suffix], headers) for path in _PAGE.iterdir()}
    for path in _CLIENT.iterdir():
        if path.suffix in _CLIENT_TYPES:  # the others are for npm
            client = Asset(path.read_bytes, _CLIENT_TYPES[path.suffix], _CLIENT_HEADERS)
            app.router.add_route(f"/{path.name}", client.answer, methods=["GET"], include_in_schema=False)
    app.router.add_route("/", served["index.html"].answer, methods=["GET"], include_in_schema=False)
    app.router.add_route("/page/{name}", Assets(served).answer, methods=["GET"], include_in_schema=False)


class _Finish:
    """Adds `X-Content-Type-Options: nosniff` to every response, and removes the content of a response to HEAD."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        head = scope.get("method") == "HEAD"

        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"x-content-type-options", b"nosniff")]
            elif head and message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        await self.app(scope, receive, finish)
