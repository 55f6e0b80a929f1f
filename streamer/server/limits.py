"""The bounds of connections in time and number; those in bytes are declared where the bytes are read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """How long a connection may take, in seconds, and how many there are."""

    idle: float = 75.0
    head: float = 20.0
    stalled: float = 20.0
    """Without a byte of a body's content."""
    body: float = 60.0
    unread: float = 30.0
    linger: float = 5.0
    connections: int = 512
    """Including those that streams have taken over."""
    reserve: int = 16
    """Further connections, for health checks; other requests on them get 503."""
