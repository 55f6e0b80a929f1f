"""A line of a child's output, most of which are structured logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_SHOWN_LEVELS: Final = ("WARNING", "ERROR", "CRITICAL")
_PLAIN: Final = re.compile(r"\W*(?:DEBUG|INFO)\b")
"""The start of a line in another format that is not a warning."""
_NOT_DETAILS: Final = ("time", "level", "logger", "message", "exception")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, in words for a person."""

    text: str
    """Several lines if there is a traceback."""
    quiet: bool
    """Whether it is shown with --verbose only."""
    message: str = ""
    """A structured record's message without its details."""
    details: Mapping[str, Any] = field(default_factory=dict)


def parse_line(line: str) -> LogLine:
    """Reads one line. What is not JSON is shown: an interpreter's traceback, for example."""
    try:
        members = json.loads(line)
    except ValueError:
        members = None
    match members:
        case {"level": str(level), "message": message}:
            details = {name: value for name, value in members.items() if name not in _NOT_DETAILS}
            shown = [f"{name}={value}" for name, value in details.items()]
            text = " ".join([f"{level.lower()}:", str(message), *shown])
            if exception := members.get("exception"):
                text += f"\n{exception}"
            return LogLine(text, level not in _SHOWN_LEVELS, str(message), details)
        case {}:  # for example metrics in CloudWatch's embedded format
            return LogLine(line, quiet=True)
        case _:
            return LogLine(line, quiet=not line.strip() or _PLAIN.match(line) is not None)
