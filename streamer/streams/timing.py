"""The intervals and bounds of streams."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Intervals and bounds; seconds and bytes."""

    heartbeat: float = 30.0
    ping: float = 15.0
    lifetime: float = 900.0
    flush: float = 0.05
    sweep: float = 0.25
    metrics: float = 1.0
    metrics_idle: float = 60.0
    slow_seconds: float = 10.0
    slow_bytes: int = 256 * 1024
    retry: float = 3.0
