"""The HTTP server: uvicorn on a socket of our own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from streamer.errors import SettingsError, StreamerError

GRACE = 3.0
"""Seconds that responses have to end once the server stops accepting."""

_BACKLOG = 2048
_SEND_BUFFER = 128 * 1024  # the kernel's part of a slow client's backlog
_USER_TIMEOUT_MS = 30_000  # unacknowledged data for so long: the peer is dead (RFC 5482)


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would wait for ever for streams that nobody ends."""

    @classmethod
    def of(cls, app: ASGIApp) -> Server:
        """A server for an application, as the service runs it."""
        return cls(
            uvicorn.Config(
                app,
                http="httptools",
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
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise StreamerError(
            f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port or SSE_PORT"
        ) from None
    return sock
