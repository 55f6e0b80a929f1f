"""The listening socket, and the limit of open files."""

from __future__ import annotations

import logging
import socket

from streamer.errors import SettingsError, StreamerError
from streamer.server.limits import ConnectionLimits

logger = logging.getLogger(__name__)

_BACKLOG = 2048
_SEND_BUFFER = 128 * 1024  # bytes that the kernel buffers for a slow client
_USER_TIMEOUT_MS = 30_000  # the kernel closes a connection whose data is unacknowledged for this time (RFC 5482)
_UNSENT = 16 * 1024  # bytes beyond the peer's window that the kernel accepts (Linux tcp(7): TCP_NOTSENT_LOWAT)
_OWN_FILES = 48  # log, event loop, AWS
_MIN_OTHER_FILES = 128  # files beside the streams: _OWN_FILES, connections of other requests, the reserve
_WANTED_OTHER_FILES = 512


def listen(host: str, port: int) -> socket.socket:
    """Returns a listening socket. Accepted sockets inherit its options (Linux tcp(7), socket(7)).

    Raises SettingsError if the host name cannot be resolved, StreamerError if the address cannot be bound.
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


def raise_file_limit(streams: int, reserve: int = ConnectionLimits().reserve) -> int:
    """Raises the soft limit of open files so that `streams` connections and other requests fit. Logs a warning if the
    hard limit is too low. Returns the maximum number of connections, without the reserve.

    A process that reaches the limit of open files can neither accept connections nor call AWS.
    """
    wanted = streams + _WANTED_OTHER_FILES
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return wanted - _OWN_FILES - reserve
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = soft
    if soft != resource.RLIM_INFINITY and soft < wanted:
        allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
        if allowed < streams + _MIN_OTHER_FILES:
            logger.warning(
                "fewer open files allowed than SSE_MAX_CONNECTIONS needs:"
                " raise the hard limit (ulimit -Hn), or lower SSE_MAX_CONNECTIONS",
                extra={"max_connections": streams, "needed": streams + _MIN_OTHER_FILES, "hard_limit": hard},
            )
    files = wanted if allowed == resource.RLIM_INFINITY else min(allowed, wanted)
    return max(files - _OWN_FILES - reserve, 1)
