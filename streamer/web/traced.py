"""One span for each request of the API, without ids, users or query. Streams have none: they last for minutes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.telemetry.tracing import Tracing


def traced(app: ASGIApp, tracing: Tracing, header: Callable[[], str | None] | None = None) -> ASGIApp:
    """The application with spans. `header` returns the tracing header of the current invocation; without it the
    request's own `X-Amzn-Trace-Id` is used."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_traced(scope["path"]):
            await app(scope, receive, send)
            return
        said = header() if header is not None else Headers(scope=scope).get("x-amzn-trace-id")
        with tracing.request(said) as span:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.answered(scope["method"], _template(scope), message["status"])
                await send(message)

            await app(scope, receive, noting)

    return call


def _is_traced(path: str) -> bool:
    """The API without streams; not health checks, not the page."""
    return path.startswith("/api/") and not path.endswith("/stream")


def _template(scope: Scope) -> str:
    """The route's template: the path itself could hold anything."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"
