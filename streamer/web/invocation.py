"""The Lambda invocation that a streaming request is, behind the Lambda Web Adapter: until when it lasts, and how its
response has to end.

The adapter puts what the runtime knows into the header `x-amzn-lambda-context`, in place of whatever the client sent
under this name: JSON, whose `deadline` is the moment (Unix milliseconds) at which Lambda ends the function, and with it
a stream that is still open. Outside Lambda nobody replaces the header, so it is not read there.

A response that breaks off is no broken response to the adapter: it appends the text of an error to the body, under the
status 200 that was already sent. So a stream always ends by a complete body.
"""

from __future__ import annotations

import json
import logging
from typing import Final

from starlette.types import Message, Scope, Send

logger = logging.getLogger(__name__)

MARGIN_MS: Final = 10_000
"""Milliseconds before the end at which a stream says goodbye: twice what a client that takes nothing is given for it,
so that Lambda's cut is not what ends the response."""
_NO_TIME_MS: Final = 1 << 53
_PART: Final = 5  # a function that may run for less than five margins gives a fifth of its time


def leave_by(scope: Scope, now_ms: int) -> int | None:
    """When this request's stream has to say goodbye, Unix milliseconds; it may be over. None: the adapter does not say
    when the function ends, or nothing that makes sense."""
    given = [value for name, value in scope["headers"] if name == b"x-amzn-lambda-context"]
    try:
        context = json.loads(given[0]) if len(given) == 1 else None
    except (ValueError, RecursionError):
        return None
    deadline_ms = context.get("deadline") if isinstance(context, dict) else None
    if type(deadline_ms) is not int or not 0 < deadline_ms < _NO_TIME_MS:
        return None
    return deadline_ms - min(MARGIN_MS, max(0, deadline_ms - now_ms) // _PART)


class Whole:
    """ASGI's `send` for one response, whose body `end` completes where that has not been done."""

    def __init__(self, send: Send) -> None:
        self.started = False
        """The status is sent: nothing that happens now can change it."""
        self._complete = False
        self._send = send

    async def __call__(self, message: Message) -> None:
        """See ASGI."""
        if message["type"] == "http.response.start":
            self.started = True
        elif not message.get("more_body", False):
            self._complete = True
        await self._send(message)

    async def end(self) -> None:
        """Completes the body. Waits as long as the adapter takes nothing: Lambda's deadline is the bound."""
        if self.started and not self._complete:
            try:
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
            except Exception as error:  # the adapter is gone, and the server says so
                logger.debug("nobody took the end of a response", extra={"error": repr(error)})
