"""Ports on loopback."""

from __future__ import annotations

import errno
import socket
from typing import Final

LOOPBACK: Final = "127.0.0.1"
_TRIES: Final = 50


def listener() -> socket.socket:
    """A socket that listens on a free port: early connections wait instead of being refused."""
    return socket.create_server((LOOPBACK, 0), backlog=128)


def first_free(port: int) -> int:
    """The given port, or the next one that is free; 0 gives any free one.

    Another process can take it before the caller binds it.
    Raises OSError when none of the next 50 is free, or when this user may not listen there.
    """
    last = min(port + _TRIES - 1, 65_535)
    for candidate in range(port, last + 1):
        try:
            # create_server sets SO_REUSEADDR, as servers do, so connections in TIME_WAIT do not count.
            with socket.create_server((LOOPBACK, candidate)) as free:
                return int(free.getsockname()[1])
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise OSError(errno.EADDRINUSE, f"ports {port} to {last} are all in use")
