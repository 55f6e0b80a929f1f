"""The wall clock. Classes that need it take it as a constructor argument with this default."""

from __future__ import annotations

import time


def wall_ms() -> int:
    """Returns Unix milliseconds."""
    return time.time_ns() // 1_000_000
