"""Intervals and limits of streams."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """All values are seconds, except `slow_bytes`."""

    heartbeat: float = 30.0
    ping: float = 15.0
    """Time without a write after which a comment is sent."""
    lifetime: float = 900.0
    flush: float = 0.05
    """Average interval between two flushes of published events while there are many events."""
    flush_burst: int = 20
    """Number of flushes that may follow each other at once after a quiet time."""
    sweep: float = 0.25
    metrics: float = 1.0
    """Minimum interval between two `metrics` events."""
    metrics_idle: float = 60.0
    """Maximum interval between two `metrics` events."""
    slow_seconds: float = 10.0
    """Time without progress after which a client is slow."""
    slow_bytes: int = 256 * 1024
    """Number of queued bytes above which a client is slow."""
    retry: float = 3.0
    """Reconnection time that clients are sent."""
