"""The requests in one connection's bytes, strictly read and bounded. Pure: no socket, no clock.

h11 reads the heads (RFC 9112). Here is what bounds them, and what h11 is more lenient about than a server behind a
proxy should be: whatever two servers could read in two ways is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import h11

from streamer.server.body import LINES, Chunked, Sized
from streamer.server.refused import RequestRefused, malformed

HEAD_BYTES: Final = 64 * 1024
"""Bytes of a request's head as received, including empty lines before it."""

_CONTROLS: Final = bytes({*range(32), 127} - set(b"\t\r\n"))
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)+")
_LENGTH: Final = re.compile(rb"\ncontent-length:([^\r]*)", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(rb"https?://[^/?]*(/.*)", re.IGNORECASE)  # RFC 9112, section 3.2.2
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")  # RFC 3986, 3.2.2

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Head:
    """A parsed request head. `path` and `query` as received, header names in lower case."""

    method: str
    path: bytes
    query: bytes
    version: str
    """1.0 or 1.1."""
    headers: Headers
    has_body: bool
    keep_alive: bool
    expects_continue: bool
    """Whether the client waits for `100 Continue` before it sends the body."""


class Requests:
    """Takes a connection's bytes and gives one request after the other: `head`, then `body` until it is complete.

    Nothing is read beyond the request at hand: what lies behind it stays as bytes, which `waiting` counts.
    """

    __slots__ = ("_body", "_buffer", "_empty", "_searched", "silent")

    def __init__(self) -> None:
        self.silent = False
        """Whether the current request is a HEAD, so that its response, or refusal, has no content."""
        self._buffer = bytearray()
        self._searched = 0  # bytes of it that hold no blank line
        self._empty = 0  # bytes of empty lines before the head
        self._body: Sized | Chunked | None = None  # under way

    @property
    def waiting(self) -> int:
        """Bytes that were not read yet."""
        return len(self._buffer)

    @property
    def begun(self) -> bool:
        """Whether a head has begun; empty lines before it do not count."""
        return bool(self._buffer) and self._buffer != b"\r"

    @property
    def content(self) -> int:
        """Bytes of the current body received so far."""
        return 0 if self._body is None else len(self._body.content)

    @property
    def in_trailers(self) -> bool:
        """Whether only trailers of the current request are missing."""
        return self._body is not None and self._body.in_trailers

    def feed(self, data: bytes) -> None:
        """Adds received bytes."""
        self._buffer += data

    def head(self) -> Head | None:
        """The next request's head; None: it is not complete. Raises RequestRefused."""
        buffer = self._buffer
        if not self._searched and (lines := _EMPTY_LINES.match(buffer)):  # RFC 9112, section 2.2
            self._empty += lines.end()
            del buffer[: lines.end()]
        self.silent = buffer.startswith(b"HEAD ")
        if self.begun and not 0x20 < buffer[0] < 0x7F:
            raise malformed()
        found = _BLANK_LINE.search(buffer, max(0, self._searched - 2))
        size = len(buffer) if found is None else found.end()
        if self._empty + size > HEAD_BYTES:
            raise RequestRefused(431, f"The request's head is over {HEAD_BYTES} bytes.")
        if found is None:
            self._searched = len(buffer) if self.begun else 0
            return None
        raw = bytes(buffer[:size])
        del buffer[:size]
        self._searched = self._empty = 0
        return self._read(raw)

    def body(self) -> bytes | None:
        """The body of the request whose head was returned; None: it is not complete. Raises RequestRefused."""
        body = self._body
        if body is None:
            return b""
        if not body.read(self._buffer):
            return None
        self._body = None
        return bytes(body.content)

    def _read(self, raw: bytes) -> Head:
        lines = raw.count(b"\r\n")
        if (
            raw.translate(None, _CONTROLS) != raw
            or not lines == raw.count(b"\r") == raw.count(b"\n")
            or b"\n " in raw  # a folded line
            or b"\n\t" in raw
        ):
            raise malformed()
        if lines > LINES:
            raise RequestRefused(431, f"The request's head has over {LINES} lines.")
        parser = h11.Connection(h11.SERVER)
        parser.receive_data(raw)
        try:
            request = parser.next_event()
        except h11.RemoteProtocolError as error:
            raise _refused(error) from None
        if not isinstance(request, h11.Request):
            raise malformed()
        version = request.http_version
        if version not in (b"1.1", b"1.0"):
            raise RequestRefused(400, "The request's HTTP version is not supported; use HTTP/1.1.")
        headers: Headers = [*request.headers]
        keep_alive, expects, length, coded = version == b"1.1", False, 0, False
        for name, value in headers:
            if name == b"connection":
                keep_alive = keep_alive and b"close" not in [option.strip() for option in value.lower().split(b",")]
            elif name == b"expect":
                expects = version == b"1.1" and value.lower() == b"100-continue"
            elif name == b"content-length":
                length = _only_length(raw)
            elif name == b"transfer-encoding":
                coded = True
            elif name == b"host" and not _HOST.fullmatch(value):
                raise RequestRefused(400, "The request's Host is malformed.")
        if coded and (version == b"1.0" or any(name == b"content-length" for name, _ in headers)):
            raise RequestRefused(400, "The end of the request's body is ambiguous.")  # RFC 9112, section 6.1
        path, _, query = _origin_form(request.target).partition(b"?")
        has_body = coded or length > 0
        if has_body:
            self._body = Chunked() if coded else Sized(length)
        return Head(
            request.method.decode(), path, query, version.decode(), headers, has_body, keep_alive, has_body and expects
        )


def _only_length(raw: bytes) -> int:
    """h11 accepts several equal Content-Length headers as one; a proxy may not."""
    said = _LENGTH.findall(raw)
    if len(said) != 1 or b"," in said[0]:
        raise malformed()
    return int(said[0])


def _origin_form(target: bytes) -> bytes:
    if b"#" in target:
        raise RequestRefused(400, "The request's target is malformed.")
    if target.startswith(b"/") or target == b"*":
        return target
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None:
        raise RequestRefused(400, "The request's target is malformed.")
    return absolute[1]


def _refused(error: h11.RemoteProtocolError) -> RequestRefused:
    """A refusal of our own: h11's messages quote the request."""
    if error.error_status_hint == 501:
        return RequestRefused(501, "The request's Transfer-Encoding is not supported; use chunked.")
    return malformed()
