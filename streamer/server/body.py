"""The body of one request as it comes: by Content-Length, or chunked (RFC 9112, sections 6.2 and 7.1). Pure.

Read strictly: a line ends with CR LF alone, a chunk where it says, and a chunk that would be too large is refused by
its size. Trailers are read to their end and dropped: they are nobody's headers (RFC 9110, section 6.5.1).
"""

from __future__ import annotations

import enum
import re
from typing import Final

from streamer.server.refused import RequestRefused, malformed

BODY_BYTES: Final = 32 * 1024
"""Bytes of content: twice what any route accepts (streamer.web.body)."""
CODING_BYTES: Final = 64 * 1024
"""Bytes that are not content: chunk sizes and extensions, line ends, trailers."""
LINES: Final = 4_096
"""Lines of the same, two for a chunk: each takes time to read, however short it is."""

_SIZE: Final = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;[\t\x20-\x7e\x80-\xff]*)?")
_TRAILER: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*")


def too_large() -> RequestRefused:
    """For a body over its bound."""
    return RequestRefused(413, f"The body is larger than {BODY_BYTES} bytes.")


class Sized:
    """A body with a Content-Length."""

    __slots__ = ("_left", "content")

    in_trailers: Final = False

    def __init__(self, length: int) -> None:
        if length > BODY_BYTES:
            raise too_large()
        self.content = bytearray()
        self._left = length

    def read(self, buffer: bytearray) -> bool:
        """Consumes the start of the buffer. Returns whether the body is complete."""
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


class Chunked:
    """A chunked body: chunks, the last one of size 0, then trailers."""

    __slots__ = ("_coding", "_left", "_lines", "_next", "_searched", "content")

    def __init__(self) -> None:
        self.content = bytearray()
        self._next = _Next.SIZE
        self._left = 0  # of the chunk
        self._coding = self._lines = 0
        self._searched = 0  # bytes of the buffer that hold no line's end

    @property
    def in_trailers(self) -> bool:
        """Whether all content has been received."""
        return self._next is _Next.TRAILER

    def read(self, buffer: bytearray) -> bool:
        """Consumes the start of the buffer. Returns whether the body is complete. Raises RequestRefused."""
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
            raise too_large()
        self._next = _Next.DATA if self._left else _Next.TRAILER

    def _line(self, buffer: bytearray) -> bytes | None:
        """The next line, without its end; None: it is not complete."""
        end = buffer.find(b"\n", self._searched)
        if self._coding + (len(buffer) if end < 0 else end + 1) > CODING_BYTES or self._lines >= LINES:
            raise RequestRefused(
                431, f"Trailers, or the coding of the body, are over {CODING_BYTES} bytes or {LINES} lines."
            )
        if end < 0:
            self._searched = len(buffer)
            return None
        line = bytes(buffer[: end + 1])
        del buffer[: end + 1]
        self._searched = 0
        self._coding += len(line)
        self._lines += 1
        if not line.endswith(b"\r\n"):
            raise malformed()
        return line[:-2]
