"""Whether an output shows colours."""

from __future__ import annotations

import os
from typing import TextIO


def has_colour(out: TextIO) -> bool:
    """A terminal has colours, unless NO_COLOR (https://no-color.org) is set or TERM is `dumb`."""
    return out.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
