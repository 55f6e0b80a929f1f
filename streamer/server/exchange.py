"""One request and its response, between an ASGI application (ASGI 3.0, HTTP) and a connection."""

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
"""Bytes of a response that are handed to the transport at once: small, so that slow progress of the client is seen."""

PHRASES: Final = {status.value: status.phrase for status in HTTPStatus} | {
    413: "Content Too Large",  # RFC 9110's, whatever Python's version calls it
    422: "Unprocessable Content",
}
_STATUS_LINES: Final = {status: f"HTTP/1.1 {status} {phrase}".encode() for status, phrase in PHRASES.items()}
_BODILESS: Final = frozenset({204, 304})


class Wire(Protocol):
    """A connection, as its exchange uses it."""

    def write(self, data: bytes | memoryview) -> None:
        """Queues bytes for the client; never blocks."""

    async def drain(self) -> None:
        """Returns when the transport takes more, or the connection is gone."""

    def take_over(self, sink: TransportSink, head: bytes, *, chunked: bool) -> bool:
        """Writes the head and hands the connection over to the sink. False: it could not, and wrote nothing."""

    def answered(self, *, keep_alive: bool) -> None:
        """The response is complete."""

    def fail(self) -> None:
        """The application gave no response: answers 500."""

    def abort(self) -> None:
        """Ends the connection at once."""


def head(status: int, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """A response's head. ValueError if a header would be more than one line."""
    lines = [_STATUS_LINES.get(status) or b"HTTP/1.1 %d " % status]
    lines += [b"%b: %b" % header for header in headers]
    joined = b"\r\n".join(lines)
    if joined.count(b"\n") != len(lines) - 1 or joined.count(b"\r") != len(lines) - 1:
        raise ValueError("a header of the response has a line break")
    return joined + b"\r\n\r\n"


def scope(request: Head, peer: object, own: object, extensions: dict[str, Any]) -> Scope:
    """The ASGI scope of a request. `peer` and `own`: socket addresses."""
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


def _address(given: object) -> tuple[str, int] | None:
    return (str(given[0]), int(given[1])) if isinstance(given, tuple) else None


def refusal(refused: RequestRefused, default_headers: Iterable[tuple[bytes, bytes]], *, content: bool) -> bytes:
    """A response in the application's place, after which the connection closes: a problem (RFC 9457)."""
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
    """An application's `receive` and `send` for one request.

    The body is given in one piece once it is complete. After the client has gone, `send` does nothing.
    """

    __slots__ = (
        "_body", "_changed", "_chunked", "_default_headers", "_keep_alive", "_left", "_read", "_scope", "_silent",
        "_sink", "_wants_body", "_wire", "complete", "gone", "started",
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
        """Whether the response's head was written."""
        self.complete = False
        """Whether the whole response was written."""
        self.gone = False
        """Whether the client is gone: nothing is read or written any more."""
        self._wire = wire
        self._scope = scope
        self._default_headers = default_headers
        self._keep_alive = keep_alive
        self._wants_body = expects_continue  # the client waits to be told to send it
        self._silent = scope["method"] == "HEAD"
        self._chunked = False
        self._left: int | None = None  # bytes of the response's Content-Length
        self._body: bytes | None = None
        self._read = False  # whether the application has it
        self._changed: asyncio.Event | None = None  # while the application waits
        self._sink: TransportSink | None = None  # that took the connection over

    async def run(self, app: ASGIApp) -> None:
        """Runs the application. A response that it leaves unfinished is cut, so that it is not taken for complete."""
        try:
            await app(self._scope, self.receive, self.send)
            if not self.started and not self.gone:
                logger.error("the application gave no response")
        except Exception:
            logger.exception("the application failed")
            if self._sink is not None:
                self._sink.abort()
        finally:
            if not self.gone and not self.complete:
                if self.started:
                    self._wire.abort()
                else:
                    self._wire.fail()

    def take_body(self, body: bytes) -> None:
        """The request's body is complete."""
        self._body = body
        self._wake()

    def disconnect(self) -> None:
        """The client is gone, or nothing more is read from it."""
        self.gone = True
        self._wake()

    async def receive(self) -> Message:
        if self._body is None and not self.gone and self._wants_body and not self.started:
            self._wants_body = False
            self._wire.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        while not self.gone and not self.complete and (self._read or self._body is None):
            if self._changed is None:
                self._changed = asyncio.Event()
            await self._changed.wait()
        if self.gone or self.complete or self._read:
            return {"type": "http.disconnect"}
        self._read = True
        body, self._body = self._body, b""
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: Message) -> None:
        if self.gone:
            return
        match message["type"]:
            case "http.response.start" if not self.started:
                self._start(message)
            case "http.response.body" if self.started and not self.complete:
                await self._send_body(message.get("body", b""), last=not message.get("more_body", False))
            case other:
                raise RuntimeError(f"{other} is not what is sent now")

    def _start(self, message: Message) -> None:
        status: int = message["status"]
        headers = [*self._default_headers, *message.get("headers", ())]
        sized = closes = False
        for name, value in headers:
            match name.lower():
                case b"content-length":
                    sized, self._left = True, int(value)
                case b"connection":
                    closes = b"close" in value.lower()
                case b"transfer-encoding":
                    raise RuntimeError("the coding of a response is the server's")
        bodiless = self._silent or status in _BODILESS
        if not sized and not bodiless:
            self._chunked = self._scope["http_version"] == "1.1"
            if self._chunked:
                headers.append((b"transfer-encoding", b"chunked"))
            else:
                self._keep_alive = False  # its end is the connection's
        if bodiless:
            self._left, self._silent = None, True
        if closes or self._body is None:  # what has not come of the request is not waited for
            self._keep_alive = False
        if not self._keep_alive and not closes:
            headers.append((b"connection", b"close"))
        written = head(status, headers)
        sink: TransportSink | None = message.get(TAKEOVER)
        self.started = True
        if sink is not None and self._wire.take_over(sink, written, chunked=self._chunked):
            self._sink = sink
        else:
            self._wire.write(written)

    async def _send_body(self, data: bytes, *, last: bool) -> None:
        if not self._silent and data:
            if self._left is not None:
                self._left -= len(data)
                if self._left < 0:
                    raise RuntimeError("the response is longer than its Content-Length")
            if len(data) <= PIECE:
                self._wire.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)
            else:
                await self._send_pieces(data)
        if last:
            if self._left:
                raise RuntimeError("the response is shorter than its Content-Length")
            if self._chunked:
                self._wire.write(b"0\r\n\r\n")
        await self._wire.drain()
        if last and not self.gone:
            self.complete = True
            self._wake()
            self._wire.answered(keep_alive=self._keep_alive)

    async def _send_pieces(self, data: bytes) -> None:
        view = memoryview(data)
        for start in range(0, len(view), PIECE):
            piece = view[start : start + PIECE]
            self._wire.write(b"%x\r\n%b\r\n" % (len(piece), bytes(piece)) if self._chunked else piece)
            await self._wire.drain()
            if self.gone:
                return

    def _wake(self) -> None:
        changed, self._changed = self._changed, None
        if changed is not None:
            changed.set()
