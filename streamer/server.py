"""The HTTP server: uvicorn on a socket of our own."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from streamer.errors import SettingsError, StreamerError

logger = logging.getLogger(__name__)

GRACE = 3.0
"""Seconds that responses have to end once the server stops accepting."""

_BACKLOG = 2048
_SEND_BUFFER = 128 * 1024  # the kernel's part of a slow client's backlog
_USER_TIMEOUT_MS = 30_000  # unacknowledged data for so long: the peer is dead (RFC 5482)
_UNSENT = 16 * 1024  # bytes beyond the peer's window that the kernel takes (Linux tcp(7): TCP_NOTSENT_LOWAT)
_HIGH_WATER = 8 * 1024  # of what waits in the process, per connection
_LINGER = 30.0  # seconds that a connection whose response is complete has to take the rest
_OTHER_FILES = 128  # what the process opens beside streams: log, event loop, AWS, requests that are refused


class _Connection(HttpToolsProtocol):
    """uvicorn's, but a client that takes nothing cannot hold it, and one that takes little is seen to take it.

    `transport.close()` waits for the client to take what is buffered: for ever, if it takes a byte now and then. And
    with the usual marks (64 and 16 KB, and a third of the kernel's buffer) `send` would return only after 80 KB were
    taken, so that a client on a link of 8 KB a second would look like one that takes nothing.
    """

    _linger: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=_HIGH_WATER, low=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        if self._linger is not None:
            self._linger.cancel()
        super().connection_lost(exc)

    def on_response_complete(self) -> None:
        """Called by uvicorn when the last byte of a response was handed to the transport."""
        super().on_response_complete()
        if self.transport.is_closing() and self._linger is None:
            self._linger = self.loop.call_later(_LINGER, self.transport.abort)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGIApp) -> None:  # type: ignore[override]
        async def to_its_end(scope: Scope, receive: Receive, send: Send) -> None:
            try:
                await app(scope, receive, send)
            finally:
                if cycle.response_started and not cycle.response_complete:
                    self.transport.abort()
                    cycle.disconnected = True  # it is cut on purpose: no error of the application

        super()._start_asgi_task(cycle, to_its_end)  # type: ignore[arg-type]


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would wait for ever for streams that nobody ends."""

    @classmethod
    def of(cls, app: ASGIApp) -> Server:
        """A server for an application, as the service runs it."""
        return cls(
            uvicorn.Config(
                app,
                http=_Connection,
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,  # it would hold the whole URL
                proxy_headers=False,  # one X-Forwarded-For would make anybody loopback
                server_header=False,
                timeout_graceful_shutdown=round(GRACE),
            )
        )

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leaves signals to whoever runs the server."""
        yield


def listen(host: str, port: int) -> socket.socket:
    """A listening socket with the options that streams need; accepted ones inherit them (Linux tcp(7), socket(7)).

    SettingsError if the host is none of this machine's, StreamerError if the port cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "not a host name"
        raise SettingsError([f"SSE_HOST={host!r}: {why}; give an address of this machine"]) from None
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        if hasattr(socket, "TCP_USER_TIMEOUT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, _USER_TIMEOUT_MS)
        if hasattr(socket, "TCP_NOTSENT_LOWAT"):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _UNSENT)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise StreamerError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port or SSE_PORT"
        ) from None
    return sock


def allow_files(connections: int) -> None:
    """Raises the process's soft limit of open files so that so many streams fit; says so where the hard limit is lower.

    Beyond the limit a connection is cut before anybody could answer it, and the queue's own connections fail too.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    if allowed < wanted:
        logger.warning(
            "fewer open files allowed than SSE_MAX_CONNECTIONS needs: raise the hard limit (ulimit -Hn), or lower it",
            extra={"max_connections": connections, "needed": wanted, "hard_limit": hard},
        )
