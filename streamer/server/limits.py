"""Limits of connections in time and number. Byte limits are defined in the modules that read the bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Timeouts in seconds, and the number of connections."""

    idle: float = 75.0
    """Between two requests (keep-alive)."""
    head: float = 20.0
    """For the request headers, and for the trailers."""
    stalled: float = 20.0
    """Between two parts of the request body."""
    body: float = 60.0
    """For the whole request body."""
    unread: float = 30.0
    """While the client does not read the response."""
    linger: float = 5.0
    """For the close by the client after the last response."""
    connections: int = 512
    """Includes the connections that were handed over to streams."""
    reserve: int = 16
    """Additional connections for health checks. Other requests on them get 503."""
