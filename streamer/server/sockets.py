"""The listening socket, and how many files the process may have open."""

from __future__ import annotations

import logging
import socket

from streamer.errors import SettingsError, StreamerError
from streamer.server.limits import ConnectionLimits

logger = logging.getLogger(__name__)

_BACKLOG = 2048
_SEND_BUFFER = 128 * 1024  # the kernel's part of a slow client's backlog
_USER_TIMEOUT_MS = 30_000  # unacknowledged data for so long: the peer is dead (RFC 5482)
_UNSENT = 16 * 1024  # bytes beyond the peer's window that the kernel takes (Linux tcp(7): TCP_NOTSENT_LOWAT)
_OWN_FILES = 48  # log, event loop, AWS
_OTHERS = 128  # what is opened beside streams at least: these, connections of other requests, the reserve
_OTHERS_WANTED = 512


def listen(host: str, port: int) -> socket.socket:
    """A listening socket with the options that streams need; accepted ones inherit them (Linux tcp(7), socket(7)).

    Raises SettingsError if the host is not this machine's, StreamerError if the port cannot be bound.
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


def allow_files(streams: int, reserve: int = ConnectionLimits().reserve) -> int:
    """Raises the process's soft limit of open files so that so many streams fit, and other requests beside them; says
    so where the hard limit is lower. Returns how many connections there may be, the reserve aside.

    Beyond the limit a connection is cut before anybody could answer it, and the queue's own connections fail too.
    """
    wanted = streams + _OTHERS_WANTED
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted - _OWN_FILES - reserve
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = soft
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < streams + _OTHERS:
            logger.warning(
                "fewer open files allowed than SSE_MAX_CONNECTIONS needs:"
                " raise the hard limit (ulimit -Hn), or lower it",
                extra={"max_connections": streams, "needed": streams + _OTHERS, "hard_limit": hard},
            )
    files = wanted if allowed == resource.RLIM_INFINITY else min(allowed, wanted)
    return max(files - _OWN_FILES - reserve, 1)
