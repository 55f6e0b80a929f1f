"""Parses and formats durations and counts."""

from __future__ import annotations

import math
import re
from typing import Final

from streamer.tools.terminal.errors import UsageError

_UNITS: Final = {"ms": 0.001, "s": 1.0, "": 1.0, "m": 60.0, "h": 3600.0}
_DURATION: Final = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h|)")


def seconds(option: str, text: str) -> float:
    """Parses a duration such as `500ms`, `30s`, `5m` or `1h`; without a unit, seconds. Raises UsageError."""
    parts = _DURATION.fullmatch(text.strip())
    if parts is None:
        raise UsageError(f"{option}={text!r}: not a duration; give one such as 500ms, 30s, 5m or 1h")
    return float(parts[1]) * _UNITS[parts[2]]


def duration_text(length: float) -> str:
    """Formats seconds as h:mm:ss, below a minute as 12.3 s."""
    if length < 60:
        return f"{length:.1f} s"
    whole = math.floor(length)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def count_text(number: int, noun: str) -> str:
    """Formats a count: `1 record`, `1,200 records`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
