"""The service behind the Lambda Web Adapter: limits the duration of streams, and completes their responses.

The adapter replaces the header `x-amzn-lambda-context` of each request by the context of the invocation: JSON, whose
`deadline` (Unix milliseconds) is the time at which Lambda ends the function. Outside Lambda a client could set the
header, so it is not read there.

If a response breaks off, the adapter appends the text of an error to the body, under the status 200 that was already
sent. Therefore every stream ends with a complete body.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from streamer.clock import wall_ms
from streamer.web.stream_response import LEAVE_BY

logger = logging.getLogger(__name__)

MARGIN_MS: Final = 10_000
"""Milliseconds before the deadline at which a stream is closed: twice the time that a closing stream has without
progress, so that Lambda does not cut the response."""
_MAX_TIME_MS: Final = 1 << 53
_MIN_FRACTION: Final = 5  # with less than five margins left, the margin is a fifth of the remaining time


def leave_by(scope: Scope, now_ms: int) -> int | None:
    """Returns the time at which the request's stream must be closed (Unix milliseconds, possibly in the past); None
    without a valid deadline."""
    values = [value for name, value in scope["headers"] if name == b"x-amzn-lambda-context"]
    try:
        context = json.loads(values[0]) if len(values) == 1 else None
    except (ValueError, RecursionError):
        return None
    deadline_ms = context.get("deadline") if isinstance(context, dict) else None
    if type(deadline_ms) is not int or not 0 < deadline_ms < _MAX_TIME_MS:
        return None
    return deadline_ms - min(MARGIN_MS, max(0, deadline_ms - now_ms) // _MIN_FRACTION)


class LambdaAdapter:
    """Middleware for a function. It disables the handover of connections, because every response must be complete."""

    def __init__(self, app: ASGIApp, stream_ended: Callable[[], None], now_ms: Callable[[], int] = wall_ms) -> None:
        """`stream_ended` is called at the end of each stream, before its response is complete: after that the process
        may be frozen."""
        self._app = app
        self._stream_ended = stream_ended
        self._now_ms = now_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3.0."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        limited = {**scope, "extensions": {LEAVE_BY: leave_by(scope, self._now_ms())}}
        response = CompleteResponse(send)
        try:
            await self._app(limited, receive, response)
        except Exception:
            if not response.is_stream:
                raise
            logger.exception("a stream failed", extra={"connection_id": state.get("connection_id")})
        if response.is_stream:
            self._stream_ended()
            await response.complete()


class CompleteResponse:
    """ASGI's `send` for one response. `complete` ends the body if the application did not."""

    def __init__(self, send: Send) -> None:
        self.is_stream = False
        """Whether the response is a stream, whose status was sent."""
        self._is_complete = False
        self._send = send

    async def __call__(self, message: Message) -> None:
        """ASGI's `send`."""
        if message["type"] == "http.response.start":
            self.is_stream = any(
                name == b"content-type" and value.startswith(b"text/event-stream") for name, value in message["headers"]
            )
        elif not message.get("more_body", False):
            self._is_complete = True
        await self._send(message)

    async def complete(self) -> None:
        """Ends the body. May wait for the adapter until Lambda's deadline."""
        if not self._is_complete:
            try:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            except Exception as error:  # the adapter has closed the connection
                logger.debug("the end of a response was not sent", extra={"error": repr(error)})
