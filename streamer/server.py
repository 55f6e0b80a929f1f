"""The HTTP server: uvicorn on a socket of our own."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from streamer.errors import SettingsError, StreamerError

logger = logging.getLogger(__name__)

GRACE = 3.0
"""Seconds that responses have to end once the server stops accepting."""

_BACKLOG = 2048
_SEND_BUFFER = 128 * 1024  # the kernel's part of a slow client's backlog
_USER_TIMEOUT_MS = 30_000  # unacknowledged data for so long: the peer is dead (RFC 5482)
_UNSENT = 16 * 1024  # bytes beyond the peer's window that the kernel takes (Linux tcp(7): TCP_NOTSENT_LOWAT)
_OTHER_FILES = 128  # what the process opens beside streams: log, event loop, AWS, requests that are refused


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would wait for ever for streams that nobody ends."""

    @classmethod
    def of(cls, app: ASGIApp, *, takeover: bool = True) -> Server:
        """A server for an application, as the service runs it; without `takeover` streams go out by plain ASGI."""
        return cls(
            uvicorn.Config(
                app,
                http=_protocol(takeover),
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


def _protocol(takeover: bool) -> Any:
    try:
        from streamer.connection import Connection, Kept
    except ImportError as error:
        logger.warning(
            "this uvicorn is not known: streams cost more each, and requests' heads are not bounded",
            extra={"reason": str(error)},
        )
        return "auto"
    return Connection if takeover else Kept


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
