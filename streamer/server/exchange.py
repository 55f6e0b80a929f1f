"""One request and its response: connects an ASGI application (ASGI 3.0, HTTP) to a connection."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final, Protocol
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

from streamer.server.refused import RequestRefused
from streamer.server.requests import Head
from streamer.streams.transport import TAKEOVER, TransportSink

logger = logging.getLogger(__name__)

PIECE: Final = 16 * 1024
"""Number of bytes per write to the transport. Small pieces show the progress of a slow client."""

PHRASES: Final = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",  # RFC 9110; older versions of Python use other phrases
    422: "Unprocessable Content",
}
_STATUS_LINES: Final = {status: f"HTTP/1.1 {status} {phrase}".encode() for status, phrase in PHRASES.items()}
_BODILESS: Final = frozenset({204, 304})


class Wire(Protocol):
    """The connection of an exchange."""

    def write(self, data: bytes | memoryview) -> None:
        """Queues bytes. Never blocks."""

    async def drain(self) -> None:
        """Waits until the write buffer is empty, or the connection is closed."""

    def hand_over(self, sink: TransportSink, head: bytes, *, chunked: bool) -> bool:
        """Writes the head and hands the connection over to the sink. Returns False, and writes nothing, if the
        connection is closing."""

    def response_complete(self, *, keep_alive: bool) -> None:
        """Called when the whole response was written."""

    def fail(self) -> None:
        """Responds with 500. Called when the application sent no response."""

    def abort(self) -> None:
        """Closes the connection at once."""


def head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Returns the head of a response. Raises ValueError if a header contains a line break."""
    lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status]
    lines += [b"%b: %b" % header for header in headers]
    joined = b"\r\n".join(lines)
    if joined.count(b"\n") != len(lines) - 1 or joined.count(b"\r") != len(lines) - 1:
        raise ValueError("a response header contains a line break")
    return joined + b"\r\n\r\n"


def scope(request: Head, peer: object, own: object, extensions: dict[str, Any]) -> Scope:
    """Returns the ASGI scope of a request. `peer` and `own`: socket addresses."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": request.version,
        "method": request.method,
        "scheme": "http",
        "path": unquote(request.path.decode("ascii")),
        "raw_path": request.path,
        "query_string": request.query,
        "root_path": "",
        "headers": request.headers,
        "client": _address(peer),
        "server": _address(own),
        "state": {},
        "extensions": extensions,
    }


def _address(address: object) -> tuple[str, int] | None:
    return (str(address[0]), int(address[1])) if isinstance(address, tuple) else None


def refusal(refused: RequestRefused, default_headers: Iterable[tuple[bytes, bytes]], *, content: bool) -> bytes:
    """Returns the last response of a connection: a problem (RFC 9457). `content`: False for a HEAD request."""
    problem = {"title": PHRASES[refused.status], "status": refused.status, "detail": refused.detail}
    body = json.dumps(problem).encode()
    headers = [
        *default_headers,
        (b"content-type", b"application/problem+json"),
        (b"content-length", b"%d" % len(body)),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        (b"connection", b"close"),
    ]
    if refused.status == 503:
        headers.append((b"retry-after", b"5"))
    return head(refused.status, headers) + (body if content else b"")


class Exchange:
    """The `receive` and `send` of the application for one request.

    `receive` returns the body in one message when it is complete. After a disconnect `send` does nothing.
    """

    __slots__ = (
        "_body", "_body_received", "_changed", "_chunked", "_content_left", "_default_headers", "_keep_alive",
        "_no_content", "_scope", "_send_continue", "_sink", "_wire", "complete", "disconnected", "started",
    )  # fmt: skip

    def __init__(
        self,
        wire: Wire,
        scope: Scope,
        default_headers: Iterable[tuple[bytes, bytes]],
        *,
        keep_alive: bool,
        expects_continue: bool,
    ) -> None:
        self.started = False
        """Whether the head of the response was written."""
        self.complete = False
        """Whether the whole response was written."""
        self.disconnected = False
        """Whether the connection is closed, or closes without this response."""
        self._wire = wire
        self._scope = scope
        self._default_headers = default_headers
        self._keep_alive = keep_alive
        self._send_continue = expects_continue
        self._no_content = scope["method"] == "HEAD"
        self._chunked = False
        self._content_left: int | None = None  # bytes of the response's Content-Length that were not sent
        self._body: bytes | None = None
        self._body_received = False  # whether the application has received the body
        self._changed: asyncio.Event | None = None  # set while `receive` waits
        self._sink: TransportSink | None = None  # has the connection after the handover

    async def run(self, app: ASGIApp) -> None:
        """Runs the application. Aborts the connection if the response is incomplete, so that the client notices."""
        try:
            await app(self._scope, self.receive, self.send)
            if not self.started and not self.disconnected:
                logger.error("the application sent no response")
        except Exception:
            logger.exception("the application failed")
            if self._sink is not None:
                self._sink.abort()
        finally:
            if not self.disconnected and not self.complete:
                if self.started:
                    self._wire.abort()
                else:
                    self._wire.fail()

    def set_body(self, body: bytes) -> None:
        """Called when the request body is complete."""
        self._body = body
        self._wake()

    def disconnect(self) -> None:
        """Called when the connection is closed, or another response was sent instead."""
        self.disconnected = True
        self._wake()

    async def receive(self) -> Message:
        if self._body is None and not self.disconnected and self._send_continue and not self.started:
            self._send_continue = False
            self._wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not self.disconnected and not self.complete and (self._body_received or self._body is None):
            if self._changed is None:
                self._changed = asyncio.Event()
            await self._changed.wait()
        if self.disconnected or self.complete or self._body_received:
            return {"type": "http.disconnect"}
        self._body_received = True
        body, self._body = self._body, b""
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if self.disconnected:
            return
        match message["type"]:
            case "http.response.start" if not self.started:
                self._start(message)
            case "http.response.body" if self.started and not self.complete:
                await self._send_body(message.get("body", b""), last=not message.get("more_body", False))
            case other:
                raise RuntimeError(f"{other} is not expected in this state")

    def _start(self, message: Message) -> None:
        status: int = message["status"]
        headers = [*self._default_headers, *message.get("headers", ())]
        sized = closes = False
        for name, value in headers:
            match name.lower():
                case b"content-length":
                    sized, self._content_left = True, int(value)
                case b"connection":
                    closes = b"close" in value.lower()
                case b"transfer-encoding":
                    raise RuntimeError("the server sets the transfer coding of a response")
        bodiless = self._no_content or status in _BODILESS
        if not sized and not bodiless:
            self._chunked = self._scope["http_version"] == "1.1"
            if self._chunked:
                headers.append((b"transfer-encoding", b"chunked"))
            else:
                self._keep_alive = False  # the end of the connection is the end of the body
        if bodiless:
            self._content_left, self._no_content = None, True
        if closes or self._body is None:  # the request body is incomplete, and its rest is not read
            self._keep_alive = False
        if not self._keep_alive and not closes:
            headers.append((b"connection", b"close"))
        written = head(status, headers)
        sink: TransportSink | None = message.get(TAKEOVER)
        self.started = True
        if sink is not None and self._wire.hand_over(sink, written, chunked=self._chunked):
            self._sink = sink
        else:
            self._wire.write(written)

    async def _send_body(self, data: bytes, *, last: bool) -> None:
        if not self._no_content and data:
            if self._content_left is not None:
                self._content_left -= len(data)
                if self._content_left < 0:
                    raise RuntimeError("the response is longer than its Content-Length")
            if len(data) <= PIECE:
                self._wire.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
            else:
                await self._send_pieces(data)
        if last:
            if self._content_left:
                raise RuntimeError("the response is shorter than its Content-Length")
            if self._chunked:
                self._wire.write(b"0\r\n\r\n")
        await self._wire.drain()
        if last and not self.disconnected:
            self.complete = True
            self._wake()
            self._wire.response_complete(keep_alive=self._keep_alive)

    async def _send_pieces(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            self._wire.write(b"%x\r\n%b\r\n" % (len(piece), bytes(piece)) if self._chunked else piece)
            await self._wire.drain()
            if self.disconnected:
                return

    def _wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()
