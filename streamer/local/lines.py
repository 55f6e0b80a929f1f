"""What crosses from a child to the demo: lines of text, most of them logs in JSON, some of them news for the parent."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from typing import Any, Final

_WORTH_SHOWING: Final = ("WARNING", "ERROR", "CRITICAL")
_PLAIN: Final = re.compile(r"\W*(?:DEBUG|INFO)\b")
"""The start of a line in some other format that says it is no warning."""
_NOT_DETAILS: Final = ("time", "level", "logger", "message", "exception")


@dataclass(frozen=True, slots=True)
class Tell:
    """Something that a child tells its parent."""

    what: str
    said: Any


@dataclass(frozen=True, slots=True)
class Log:
    """Anything else that a child wrote."""

    text: str
    """In words, for a person; a traceback makes it several lines."""
    quiet: bool
    """Whether only who asked for everything sees it."""
    message: str = ""
    """A structured record's message without its details."""


def tell(what: str, said: Any) -> None:
    """Tells the parent process something; `said` as JSON knows it."""
    sys.stdout.write(json.dumps({"tell": what, "said": said}) + "\n")
    sys.stdout.flush()


def read(line: str) -> Tell | Log:
    """Reads one line of a child's output.

    What is no JSON is shown: it comes from where nobody expected anything, an interpreter's traceback say.
    """
    try:
        members = json.loads(line)
    except ValueError:
        members = None
    match members:
        case {"tell": str(what), "said": said}:
            return Tell(what, said)
        case {"level": str(level), "message": message}:
            details = [f"{name}={value}" for name, value in members.items() if name not in _NOT_DETAILS]
            text = " ".join([f"{level.lower()}:", str(message), *details])
            if exception := members.get("exception"):
                text += f"\n{exception}"
            return Log(text, quiet=level not in _WORTH_SHOWING, message=str(message))
        case {}:  # metrics in CloudWatch's embedded format, say
            return Log(line, quiet=True)
        case _:
            return Log(line, quiet=not line.strip() or _PLAIN.match(line) is not None)
