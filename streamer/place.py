"""Where in the stream a client is: the `id:` of a frame.

`evt_` and a UUID of version 8 (RFC 9562, section 5.8): 48 bits Unix milliseconds (up to when the container has proof
that it published everything; 0 while it has none), 38 bits that name this run of this container, 36 bits that count
its frames. The text holds only `[A-Za-z0-9_-]`, so that no browser needs a CORS preflight to send it back.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

RUN_BITS = 38
FRAME_BITS = 36

_TEXT = re.compile(r"evt_([0-9a-f]{8})-([0-9a-f]{4})-(8[0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{12})")
_RUN_LOW = RUN_BITS - 12
"""12 bits of the run stand between version and variant, the others after the variant."""


@dataclass(frozen=True, slots=True)
class Place:
    """A frame's place: proven-until time in Unix milliseconds (or 0), run, and frame number in that run."""

    time_ms: int
    run: int
    frame: int

    def __str__(self) -> str:
        number = (
            self.time_ms << 80
            | 8 << 76
            | self.run >> _RUN_LOW << 64
            | 2 << 62
            | (self.run & (1 << _RUN_LOW) - 1) << FRAME_BITS
            | self.frame
        )
        text = f"{number:032x}"
        return f"evt_{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    @classmethod
    def parse(cls, text: str) -> Place:
        """Reads a place back. ValueError if the text is none."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError("not a place in a stream")
        number = int("".join(match.groups()), 16)
        low = number & (1 << 62) - 1
        return cls(
            number >> 80,
            (number >> 64 & 0xFFF) << _RUN_LOW | low >> FRAME_BITS,
            low & (1 << FRAME_BITS) - 1,
        )


def new_run() -> int:
    """A random name for a run, never 0."""
    return secrets.randbelow((1 << RUN_BITS) - 1) + 1
