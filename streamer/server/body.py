"""Parsers for the body of one request: with Content-Length, or chunked (RFC 9112, sections 6.2 and 7.1). Pure.

They are strict: each line ends with CR LF, a chunk ends where its size says, and a chunk that would exceed the limit is
rejected when its size was read. Trailers are parsed and dropped; they are not merged into the headers (RFC 9110,
section 6.5.1).
"""

from __future__ import annotations

import enum
import re
from typing import Final

from streamer.server.refused import RequestRefused, malformed

BODY_BYTES: Final = 32 * 1024
"""Maximum size of the content: twice the limit of the routes (streamer.web.body)."""
FRAMING_BYTES: Final = 64 * 1024
"""Maximum size of chunk sizes, chunk extensions, line ends and trailers."""
MAX_LINES: Final = 4_096
"""Maximum number of lines, two per chunk: each takes time to parse, however short it is."""

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")


def _too_large() -> RequestRefused:
    return RequestRefused(413, f"The body is larger than {BODY_BYTES} bytes.")


class SizedBody:
    """A body with a Content-Length."""

    __slots__ = ("_left", "content")

    in_trailers: Final = False

    def __init__(self, length: int) -> None:
        if length > BODY_BYTES:
            raise _too_large()
        self.content = bytearray()
        self._left = length

    def read(self, buffer: bytearray) -> bool:
        """Removes parsed bytes from the buffer. Returns whether the body is complete."""
        piece = buffer[: self._left]
        del buffer[: len(piece)]
        self.content += piece
        self._left -= len(piece)
        return not self._left


class _Next(enum.Enum):
    SIZE = enum.auto()
    DATA = enum.auto()
    END_OF_CHUNK = enum.auto()
    TRAILER = enum.auto()


class ChunkedBody:
    """A chunked body: chunks, the last of size 0, then trailers."""

    __slots__ = ("_framing", "_left", "_lines", "_next", "_searched", "content")

    def __init__(self) -> None:
        self.content = bytearray()
        self._next = _Next.SIZE
        self._left = 0  # bytes of the current chunk
        self._framing = self._lines = 0
        self._searched = 0  # bytes at the start of the buffer that contain no line end

    @property
    def in_trailers(self) -> bool:
        """Whether all content has been received."""
        return self._next is _Next.TRAILER

    def read(self, buffer: bytearray) -> bool:
        """Removes parsed bytes from the buffer. Returns whether the body is complete. Raises RequestRefused."""
        while True:
            if self._next is _Next.DATA:
                piece = buffer[: self._left]
                del buffer[: len(piece)]
                self.content += piece
                self._left -= len(piece)
                if self._left:
                    return False
                self._next = _Next.END_OF_CHUNK
            if self._next is _Next.END_OF_CHUNK and not b"\r\n".startswith(buffer[:2]):
                raise malformed()
            line = self._line(buffer)
            if line is None:
                return False
            if self._next is _Next.SIZE:
                self._begin_chunk(line)
            elif self._next is _Next.END_OF_CHUNK:
                self._next = _Next.SIZE
            elif not line:
                return True
            elif not _TRAILER.fullmatch(line):
                raise malformed()

    def _begin_chunk(self, line: bytes) -> None:
        size = _SIZE.fullmatch(line)
        if size is None:
            raise malformed()
        self._left = int(size[1], 16)
        if len(self.content) + self._left > BODY_BYTES:
            raise _too_large()
        self._next = _Next.DATA if self._left else _Next.TRAILER

    def _line(self, buffer: bytearray) -> bytes | None:
        """Returns the next line without CR LF; None if it is not complete."""
        end = buffer.find(b"\n", self._searched)
        if self._framing + (len(buffer) if end < 0 else end + 1) > FRAMING_BYTES or self._lines >= MAX_LINES:
            raise RequestRefused(
                431, f"The chunk framing and the trailers are over {FRAMING_BYTES} bytes or {MAX_LINES} lines."
            )
        if end < 0:
            self._searched = len(buffer)
            return None
        line = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        self._searched = 0
        self._framing += len(line)
        self._lines += 1
        if not line.endswith(b"\r\n"):
            raise malformed()
        return line[:-2]
