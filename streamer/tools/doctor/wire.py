"""Requests over raw connections with h11, so that framing, repeated headers and times are seen as they are.

Every request is bounded: the connection, the head, the size and the whole time. Redirects are never followed, and no
proxy of the environment is used.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

import h11

from streamer.tools.doctor.seen import BROKEN_CODING, Reply, ResponseHead, StreamLog
from streamer.tools.doctor.url import StreamUrl
from streamer.tools.terminal.printable import printable

Headers = Sequence[tuple[str, str]]

CONNECT_SECONDS: Final = 10.0
HEAD_SECONDS: Final = 10.0
"""A stream's head is awaited so long; a service that is up sends it at once."""
ASK_SECONDS: Final = 10.0
_MAX_HEAD: Final = 64 * 1024
_MAX_INTERIM: Final = 20
_MAX_BODY: Final = 1024 * 1024
_READ: Final = 64 * 1024


class RequestFailed(Exception):
    """There is no response. The message is a clause: what happened."""


def tls_context(protocols: Sequence[str]) -> ssl.SSLContext:
    """Returns a context that verifies, with the system's certificates or those of SSL_CERT_FILE."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(list(protocols))
    return context


async def connect(
    url: StreamUrl, protocols: Sequence[str] = ("http/1.1",)
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises RequestFailed; ssl.SSLCertVerificationError if the certificate is refused."""
    context = tls_context(protocols) if url.secure else None
    try:
        async with asyncio.timeout(CONNECT_SECONDS):
            return await asyncio.open_connection(
                url.host, url.port, ssl=context, server_hostname=url.host if context else None, limit=_READ
            )
    except TimeoutError:
        raise RequestFailed(f"{url.authority} does not accept a connection within {CONNECT_SECONDS:g} s") from None
    except ssl.SSLCertVerificationError:
        raise
    except ssl.SSLError as error:
        raise RequestFailed(f"TLS with {url.authority} failed: {_short(error.reason or error)}") from None
    except socket.gaierror:
        raise RequestFailed(f"the name {url.host} is unknown") from None
    except OSError as error:
        raise RequestFailed(f"{url.authority} cannot be reached: {_reason(error)}") from None


class _Exchange:
    """One request on one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self._reader = reader
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MAX_HEAD)

    async def send(self, method: str, url: StreamUrl, headers: Headers) -> None:
        own = [("Host", url.authority), *headers, ("Connection", "close")]
        try:
            data = self._http.send(h11.Request(method=method, target=url.target, headers=own))
            data = (data or b"") + (self._http.send(h11.EndOfMessage()) or b"")
        except h11.LocalProtocolError as error:
            raise RequestFailed(f"the request is invalid: {error}") from None
        self.writer.write(data)
        await self.writer.drain()

    async def head(self) -> ResponseHead:
        for _ in range(_MAX_INTERIM + 1):
            event = await self._next()
            if isinstance(event, h11.Response):
                headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in event.headers)
                return ResponseHead(event.status_code, event.http_version.decode(), headers)
            if not isinstance(event, h11.InformationalResponse):
                raise RequestFailed("the connection was closed without a response")
        raise RequestFailed(f"more than {_MAX_INTERIM} interim responses (1xx) came, and no response")

    async def data(self) -> bytes | None:
        """Returns a piece of the body; None at its end."""
        event = await self._next()
        return bytes(event.data) if isinstance(event, h11.Data) else None

    async def _next(self) -> object:
        while True:
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                raise RequestFailed(_protocol_problem(error)) from None
            if event is not h11.NEED_DATA:
                return event
            try:
                self._http.receive_data(await self._reader.read(_READ))
            except (ConnectionError, ssl.SSLError, TimeoutError, OSError) as error:
                raise RequestFailed(f"the connection was cut: {_reason(error)}") from None


@asynccontextmanager
async def _exchange(method: str, url: StreamUrl, headers: Headers) -> AsyncIterator[_Exchange]:
    try:
        reader, writer = await connect(url)
    except ssl.SSLCertVerificationError as error:
        raise RequestFailed(f"the certificate is not trusted: {_short(error.verify_message)}") from None
    try:
        exchange = _Exchange(reader, writer)
        try:
            await exchange.send(method, url, headers)
        except OSError as error:
            raise RequestFailed(f"the connection was cut: {_reason(error)}") from None
        yield exchange
    finally:
        writer.transport.abort()
        with suppress(OSError, ssl.SSLError, TimeoutError):
            async with asyncio.timeout(1):
                await writer.wait_closed()


async def ask(method: str, url: StreamUrl, headers: Headers = ()) -> Reply:
    """Returns the whole response, or what there is of it after some seconds."""
    reply, began, limit = Reply(), time.monotonic(), ASK_SECONDS
    try:
        async with asyncio.timeout(limit), _exchange(method, url, headers) as exchange:
            reply.head = await exchange.head()
            reply.wall, reply.seconds = time.time(), time.monotonic() - began
            while (part := await exchange.data()) is not None:
                reply.body += part
                if len(reply.body) > _MAX_BODY:
                    reply.error = f"more than {_MAX_BODY // 1024} KB came; the rest was not read"
                    break
    except TimeoutError:
        reply.error = f"no complete response within {limit:g} s"
    except RequestFailed as error:
        reply.error = str(error)
    return reply


async def follow(
    url: StreamUrl,
    log: StreamLog,
    headers: Headers = (),
    *,
    limit: float,
    until: Callable[[], bool] = lambda: False,
    on_head: Callable[[], None] = lambda: None,
) -> None:
    """Reads a stream into `log` until it ends, `until` is true after a piece, or `limit` seconds have passed since its
    head. `on_head` is called when the head came, or will not come."""
    own = [("Accept", "text/event-stream"), ("Cache-Control", "no-cache")]
    if log.place:
        own.append(("Last-Event-ID", log.place))
    try:
        async with _exchange("GET", url, [*own, *headers]) as exchange:
            log.asked_at = time.monotonic()
            log.answered(await _head(exchange), time.monotonic(), time.time())
            on_head()
            if log.is_stream:
                async with asyncio.timeout(limit):
                    await _read_stream(exchange, log, until)
    except TimeoutError:
        pass  # long enough
    except RequestFailed as error:
        log.error = str(error)
    finally:
        log.closed_at = time.monotonic()
        on_head()


async def _head(exchange: _Exchange) -> ResponseHead:
    try:
        async with asyncio.timeout(HEAD_SECONDS):
            return await exchange.head()
    except TimeoutError:
        raise RequestFailed(f"no response within {HEAD_SECONDS:g} s") from None


async def _read_stream(exchange: _Exchange, log: StreamLog, until: Callable[[], bool]) -> None:
    while (part := await exchange.data()) is not None:
        if not log.feed(part, time.monotonic(), time.time()) or until():
            return
    log.closed = True


def _protocol_problem(error: h11.RemoteProtocolError) -> str:
    text = str(error)
    if "Receive buffer too long" in text:
        return f"the response's headers are larger than {_MAX_HEAD // 1024} KB"
    if "without sending complete message body" in text or "incomplete chunked read" in text:
        return "the connection was closed in the middle of the response"
    if "ConnectionClosed" in text or "closed connection" in text:
        return "the connection was closed without a response"
    if text.startswith(("illegal chunk header", "malformed chunk footer")):
        return BROKEN_CODING
    return f"not an HTTP/1.1 response: {_short(text)}"


def _reason(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset"
    return _short(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def _short(value: object) -> str:
    text = " ".join(printable(str(value)).split())
    return text if len(text) <= 160 else f"{text[:160]}…"
