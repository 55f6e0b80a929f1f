"""Parses the output lines of a child, most of which are structured logs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

_SHOWN_LEVELS: Final = ("WARNING", "ERROR", "CRITICAL")
_PLAIN: Final = re.compile(r"\W*(?:DEBUG|INFO)\b")
"""The start of a line in another format with a level below WARNING."""
_NOT_DETAILS: Final = ("time", "level", "logger", "message", "exception")


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line, formatted for a person."""

    text: str
    """More than one line if there is a traceback."""
    quiet: bool
    """Whether it is shown only with --verbose."""
    message: str = ""
    """The message of a structured record, without its details."""
    details: Mapping[str, Any] = field(default_factory=dict)


def parse_line(line: str) -> LogLine:
    """Parses one line. A line that is not JSON (for example a traceback) is shown unchanged."""
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
