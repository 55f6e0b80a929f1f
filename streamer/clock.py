"""The wall clock. Where time decides something, the clock is a constructor argument with this as its default."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Unix milliseconds."""
    return time.time_ns() // 1_000_000
