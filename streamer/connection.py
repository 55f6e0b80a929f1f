"""One connection of the server: uvicorn's over httptools, and all that is used of uvicorn beyond its public interface.

Importing it raises ImportError, in words, if the installed version is not as it is needed here; the server then does
without (see streamer.server).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from streamer.delivery.transport import TAKEOVER, TransportSink

_HIGH_WATER = 8 * 1024  # of what waits in the process, per connection
_HEAD_BYTES = 64 * 1024  # of a request: its URL, and the names and values of its headers
_HEAD_SECONDS = 20.0  # for all of them to come
_LINGER = 30.0  # seconds that a connection whose response is complete has to take the rest

_METHODS: Final[dict[type, tuple[str, ...]]] = {
    HttpToolsProtocol: (
        "_start_asgi_task", "_unset_keepalive_if_required", "connection_lost", "connection_made", "on_header",
        "on_headers_complete", "on_message_begin", "on_response_complete", "on_url", "send_400_response",
    ),
}  # fmt: skip
_ATTRIBUTES: Final[dict[type, tuple[str, ...]]] = {
    FlowControl: ("read_paused", "write_paused"),
    HttpToolsProtocol: ("connections", "cycle", "flow", "loop", "pipeline", "scope", "server_state", "transport"),
    RequestResponseCycle: (
        "default_headers", "disconnected", "response_complete", "response_started", "scope",
    ),
}  # fmt: skip
"""What their constructors set."""


def _head(status: HTTPStatus, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    lines = [b"HTTP/1.1 %d %b" % (status, status.phrase.encode()), *(b"%b: %b" % header for header in headers)]
    return b"\r\n".join([*lines, b"", b""])


def _check() -> None:
    missing: list[str] = []
    for kind, names in _METHODS.items():
        missing += [f"{kind.__name__}.{name}" for name in names if not hasattr(kind, name)]
    for kind, names in _ATTRIBUTES.items():
        made: Any = kind.__init__  # type: ignore[misc] # of these very classes
        missing += [f"{kind.__name__}.{name}" for name in names if name not in made.__code__.co_names]
    if missing:
        raise ImportError(f"uvicorn {uvicorn.__version__} has no {', '.join(missing)}")


class Connection(HttpToolsProtocol):
    """uvicorn's, but

    - a client that takes nothing cannot hold it, and one that takes little is seen to take it: `transport.close()`
      waits for the client to take what is buffered: for ever, if it takes a byte now and then; and with the usual
      marks (64 and 16 KB, and a third of the kernel's buffer) `send` would return only after 80 KB were taken, so that
      a client on a link of 8 KB a second would look like one that takes nothing;
    - the head of a request is bounded in length and in the time that it takes;
    - an application may take the connection over with the headers of its response (TAKEOVER).
    """

    gives = True
    """Whether an application may take it over."""

    _linger: asyncio.TimerHandle | None = None
    _waiting: asyncio.TimerHandle | None = None
    """For the end of a request's head."""
    _asked = False
    """Whether a request has begun."""
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_HIGH_WATER, low=0)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._linger is not None:
            self._linger.cancel()
        self._await_no_head()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        super().on_message_begin()
        self._asked, self._head_bytes = True, 0
        self._await_head()

    def on_url(self, url: bytes) -> None:
        """Called by the parser."""
        self._weigh(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser."""
        self._weigh(len(name) + len(value))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._await_no_head()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Called by uvicorn for what its parser refuses: problem details (RFC 9457), as the application answers."""
        if self._head_bytes > _HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"The request's head is over {_HEAD_BYTES} bytes.")
        else:
            self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def _weigh(self, more: int) -> None:
        self._head_bytes += more
        if self._head_bytes > _HEAD_BYTES:
            raise ValueError("the head is too long")  # the parser gives up, and uvicorn calls send_400_response

    def _await_head(self) -> None:
        if self._waiting is None:
            self._waiting = self.loop.call_later(_HEAD_SECONDS, self._give_up)

    def _await_no_head(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _give_up(self) -> None:
        self._waiting = None
        answering = self.cycle is not None and not self.cycle.response_complete  # nothing may come between
        if answering or not self._asked:
            self.transport.close()
        else:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"The request's head took over {_HEAD_SECONDS:.0f} seconds.")

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        body = json.dumps(
            {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
        ).encode()
        headers = (
            *self.server_state.default_headers,
            (b"content-type", b"application/problem+json"),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        )
        self.transport.write(_head(status, headers) + body)
        self.transport.close()

    def on_response_complete(self) -> None:
        """Called by uvicorn when the last byte of a response was handed to the transport."""
        super().on_response_complete()
        if self.transport.is_closing() and self._linger is None:
            self._linger = self.loop.call_later(_LINGER, self.transport.abort)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        async def to_its_end(scope: Scope, receive: Receive, send: Send) -> None:
            async def sending(message: Message) -> None:
                taker = message.pop(TAKEOVER, None)
                if taker is None or not self._give(cycle, taker, message):
                    await send(message)

            if self.gives:
                scope["extensions"] = {TAKEOVER: {}}
            try:
                await app(scope, receive, sending)
            finally:
                if cycle.response_started and not cycle.response_complete:
                    self.transport.abort()
                    cycle.disconnected = True  # it is cut on purpose: no error of the application

        super()._start_asgi_task(cycle, to_its_end)  # type: ignore[arg-type]

    def _give(self, cycle: RequestResponseCycle, taker: TransportSink, start: Message) -> bool:
        """Writes the head of the response and leaves the connection to the taker. False: it cannot be had."""
        transport, flow = self.transport, self.flow
        if transport.is_closing() or cycle.disconnected or cycle.response_started:
            return False
        chunked = cycle.scope["http_version"] == "1.1"
        headers = [*cycle.default_headers, *start["headers"]]
        if chunked:
            headers.append((b"transfer-encoding", b"chunked"))
        transport.write(_head(HTTPStatus(start["status"]), headers))
        # To uvicorn the response is complete, and the connection gone: requests behind this one are not answered, since
        # the response says that it is the last (RFC 9112, section 9.6).
        cycle.response_started = cycle.response_complete = cycle.disconnected = True
        self.server_state.total_requests += 1
        self.connections.discard(self)
        self.pipeline.clear()
        self._unset_keepalive_if_required()
        if flow.read_paused:
            transport.resume_reading()
        taker.attach(transport, chunked=chunked, paused=flow.write_paused)
        return True


class Kept(Connection):
    """The same, but it stays with the server: streams go out by plain ASGI."""

    gives = False


_check()
