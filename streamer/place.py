"""A position in the stream: the `id:` of a frame.

The text is `evt_` and a UUID of version 8 (RFC 9562, section 5.8) with 48 bits of watermark (Unix milliseconds; 0: none
yet), 38 bits that identify the run (one process of one container), and 36 bits of frame number. It has only
`[A-Za-z0-9_-]`, so that a browser sends it in `Last-Event-ID` without a CORS preflight.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass

RUN_BITS = 38
FRAME_BITS = 36

_TEXT = re.compile(r"evt_([0-9a-f]{8})-([0-9a-f]{4})-(8[0-9a-f]{3})-([89ab][0-9a-f]{3})-([0-9a-f]{12})")
_RUN_LOW = RUN_BITS - 12
"""Number of bits of the run after the variant; the other 12 are between version and variant."""


@dataclass(frozen=True, slots=True)
class Place:
    """The position of a frame. `time_ms`: the watermark when the frame was sent (Unix milliseconds), or 0."""

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
        """Parses the text of a place. Raises ValueError."""
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


def read_place(text: str | None) -> Place | None:
    """Parses the place with which a client comes; None if there is none, or it is malformed."""
    try:
        return Place.parse(text) if text else None
    except ValueError:
        return None


def new_run() -> int:
    """Returns a random id of a run, never 0."""
    return secrets.randbelow((1 << RUN_BITS) - 1) + 1
