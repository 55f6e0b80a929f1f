"""How long a test waits for what must happen: so long that only a fault uses it up, also on a busy machine."""

from __future__ import annotations

from typing import Final

WATCHDOG: Final = 120.0
"""Seconds. A wait that ends by it has failed; no test passes because it ran out."""
