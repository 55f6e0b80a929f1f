"""Traces each API request as one span, without ids, users or query. Streams are not traced: they last for minutes."""

from __future__ import annotations

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.telemetry.tracing import Tracing


def traced(app: ASGIApp, tracing: Tracing, header: Callable[[], str | None] | None = None) -> ASGIApp:
    """Returns the application with tracing. `header` returns the tracing header of the current invocation; without it
    the request's `X-Amzn-Trace-Id` is used. The tracing decides whether it or `traceparent` counts."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not _is_traced(scope["path"]):
            await app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trace_header = header() if header is not None else headers.get("x-amzn-trace-id")
        with tracing.request(trace_header, headers.get("traceparent")) as span:

            async def record_status(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.answered(scope["method"], _template(scope), message["status"])
                await send(message)

            await app(scope, receive, record_status)

    return call


def _is_traced(path: str) -> bool:
    """Whether the path is one of the API, except streams."""
    return path.startswith("/api/") and not path.endswith("/stream")


def _template(scope: Scope) -> str:
    """Returns the template of the route. The path itself may contain ids."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) else "none"
