"""The service behind the Lambda Web Adapter: until when a stream may last, and how its response has to end.

The adapter puts what the runtime knows into the header `x-amzn-lambda-context`, in place of whatever the client sent
under this name: JSON, whose `deadline` is the moment (Unix milliseconds) at which Lambda ends the function, and with it
a stream that is still open. Outside Lambda nothing replaces the header, so it is not read there.

To a response that breaks off the adapter appends the text of an error, under the status 200 that was already sent. So a
stream always ends by a complete body.
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
"""Milliseconds before the function's end at which a stream is closed: twice what a client that takes nothing is given,
so that Lambda does not cut the response."""
_NO_TIME_MS: Final = 1 << 53
_PART: Final = 5  # of a function that may run for less than five margins, a fifth of its time


def leave_by(scope: Scope, now_ms: int) -> int | None:
    """When this request's stream has to be closed, Unix milliseconds; it may be in the past. None: the adapter gives no
    valid deadline."""
    given = [value for name, value in scope["headers"] if name == b"x-amzn-lambda-context"]
    try:
        context = json.loads(given[0]) if len(given) == 1 else None
    except (ValueError, RecursionError):
        return None
    deadline_ms = context.get("deadline") if isinstance(context, dict) else None
    if type(deadline_ms) is not int or not 0 < deadline_ms < _NO_TIME_MS:
        return None
    return deadline_ms - min(MARGIN_MS, max(0, deadline_ms - now_ms) // _PART)


class LambdaAdapter:
    """The application as a function serves it. A connection cannot be taken over: its response has to be complete."""

    def __init__(self, app: ASGIApp, ended: Callable[[], None], now_ms: Callable[[], int] = wall_ms) -> None:
        """`ended` is called at each stream's end, before its response is complete: then the process may be frozen."""
        self._app = app
        self._ended = ended
        self._now_ms = now_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3.0."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        leaving = {**scope, "extensions": {LEAVE_BY: leave_by(scope, self._now_ms())}}
        response = CompleteResponse(send)
        try:
            await self._app(leaving, receive, response)
        except Exception:
            if not response.is_stream:
                raise
            logger.exception("a stream failed", extra={"connection_id": state.get("connection_id")})
        if response.is_stream:
            self._ended()
            await response.complete()


class CompleteResponse:
    """ASGI's `send` for one response; `complete` ends its body where that has not been done."""

    def __init__(self, send: Send) -> None:
        self.is_stream = False
        """Whether a stream has begun: nothing that happens now can change its status."""
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
        """Ends the body. Waits as long as the adapter takes nothing: Lambda's deadline is the bound."""
        if not self._is_complete:
            try:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            except Exception as error:  # the adapter is gone, and the server says so
                logger.debug("the end of a response was not taken", extra={"error": repr(error)})
