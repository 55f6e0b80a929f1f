"""Ports on loopback."""

from __future__ import annotations

import errno
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_TRIES: Final = 50


def listener() -> socket.socket:
    """Returns a listening socket on a free port, so that early connections wait in its backlog."""
    return socket.create_server((LOOPBACK, 0), backlog=128)


def first_free(port: int) -> int:
    """Returns `port`, or the next free port; for 0, any free port. Another process can take it before the caller does.

    Raises OSError if the next 50 ports are in use, or if this user may not listen there.
    """
    last = min(port + _TRIES - 1, 65_535)
    for candidate in range(port, last + 1):
        try:
            # create_server sets SO_REUSEADDR, so connections in TIME_WAIT do not make a port busy.
            with socket.create_server((LOOPBACK, candidate)) as free:
                return int(free.getsockname()[1])
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"ports {port} to {last} are all in use")
