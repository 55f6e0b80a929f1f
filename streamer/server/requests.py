"""Parses the requests of one connection, strictly and with limits. Pure: no socket, no clock.

h11 parses the request heads (RFC 9112). This module limits their size, and rejects input that h11 accepts but that a
proxy could parse in another way (request smuggling).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

import h11

from streamer.server.body import MAX_LINES, ChunkedBody, SizedBody
from streamer.server.refused import RequestRefused, malformed

HEAD_BYTES: Final = 64 * 1024
"""Maximum size of a request head as received, including empty lines before it."""

_CONTROLS: Final = bytes({*range(32), 127} - set(b"\t\r\n"))
_BLANK_LINE: Final = re.compile(rb"\n\r?\n")
_EMPTY_LINES: Final = re.compile(rb"(?:\r\n)+")
_LENGTH: Final = re.compile(rb"\ncontent-length:([^\r]*)", re.IGNORECASE)
_ABSOLUTE: Final = re.compile(rb"https?://[^/?]*(/.*)", re.IGNORECASE)  # RFC 9112, section 3.2.2
_HOST: Final = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+,;=%-]*|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")  # RFC 3986, 3.2.2

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Head:
    """A parsed request head: `path` and `query` as received, header names in lower case."""

    method: str
    path: bytes
    query: bytes
    version: str
    """`1.0` or `1.1`."""
    headers: Headers
    has_body: bool
    keep_alive: bool
    expects_continue: bool
    """Whether the client waits for `100 Continue` before it sends the body."""


class Requests:
    """Buffers received bytes and parses one request at a time: `head`, then `body` until it is complete.

    Bytes after the current request (pipelining) stay in the buffer and are not parsed.
    """

    __slots__ = ("_body", "_buffer", "_empty", "_searched", "is_head")

    def __init__(self) -> None:
        self.is_head = False
        """Whether the method of the current request is HEAD, so its response has no content."""
        self._buffer = bytearray()
        self._searched = 0  # bytes at the start of the buffer that contain no blank line
        self._empty = 0  # bytes of empty lines before the head
        self._body: SizedBody | ChunkedBody | None = None  # the body that is being parsed

    @property
    def buffered(self) -> int:
        """Number of received bytes that were not parsed."""
        return len(self._buffer)

    @property
    def head_started(self) -> bool:
        """Whether a byte of the next head was received. Empty lines before it do not count."""
        return bool(self._buffer) and self._buffer != b"\r"

    @property
    def content(self) -> int:
        """Number of content bytes of the current body received so far."""
        return 0 if self._body is None else len(self._body.content)

    @property
    def in_trailers(self) -> bool:
        """Whether the content of the current request is complete, but not its trailers."""
        return self._body is not None and self._body.in_trailers

    def feed(self, data: bytes) -> None:
        """Adds received bytes."""
        self._buffer += data

    def head(self) -> Head | None:
        """Returns the head of the next request; None if it is not complete. Raises RequestRefused."""
        buffer = self._buffer
        if not self._searched and (lines := _EMPTY_LINES.match(buffer)):  # RFC 9112, section 2.2
            self._empty += lines.end()
            del buffer[: lines.end()]
        self.is_head = buffer.startswith(b"HEAD ")
        if self.head_started and not 0x20 < buffer[0] < 0x7F:
            raise malformed()
        found = _BLANK_LINE.search(buffer, max(0, self._searched - 2))
        size = len(buffer) if found is None else found.end()
        if self._empty + size > HEAD_BYTES:
            raise RequestRefused(431, f"The request head is over {HEAD_BYTES} bytes.")
        if found is None:
            self._searched = len(buffer) if self.head_started else 0
            return None
        raw = bytes(buffer[:size])
        del buffer[:size]
        self._searched = self._empty = 0
        return self._parse(raw)

    def body(self) -> bytes | None:
        """Returns the body of the current request; None if it is not complete. Raises RequestRefused."""
        body = self._body
        if body is None:
            return b""
        if not body.read(self._buffer):
            return None
        self._body = None
        return bytes(body.content)

    def _parse(self, raw: bytes) -> Head:
        lines = raw.count(b"\r\n")
        if (
            raw.translate(None, _CONTROLS) != raw
            or not lines == raw.count(b"\r") == raw.count(b"\n")
            or b"\n " in raw  # obsolete line folding
            or b"\n\t" in raw
        ):
            raise malformed()
        if lines > MAX_LINES:
            raise RequestRefused(431, f"The request head is over {MAX_LINES} lines.")
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
        keep_alive, expects, length, chunked = version == b"1.1", False, 0, False
        for name, value in headers:
            if name == b"connection":
                keep_alive = keep_alive and b"close" not in [option.strip() for option in value.lower().split(b",")]
            elif name == b"expect":
                expects = version == b"1.1" and value.lower() == b"100-continue"
            elif name == b"content-length":
                length = _content_length(raw)
            elif name == b"transfer-encoding":
                chunked = True
            elif name == b"host" and not _HOST.fullmatch(value):
                raise RequestRefused(400, "The request's Host is malformed.")
        if chunked and (version == b"1.0" or any(name == b"content-length" for name, _ in headers)):
            raise RequestRefused(400, "The length of the request body is ambiguous.")  # RFC 9112, section 6.1
        path, _, query = _origin_form(request.target).partition(b"?")
        has_body = chunked or length > 0
        if has_body:
            self._body = ChunkedBody() if chunked else SizedBody(length)
        return Head(
            request.method.decode(), path, query, version.decode(), headers, has_body, keep_alive, has_body and expects
        )


def _content_length(raw: bytes) -> int:
    """Rejects repeated Content-Length headers: h11 accepts them if they are equal, but a proxy may not."""
    found = _LENGTH.findall(raw)
    if len(found) != 1 or b"," in found[0]:
        raise malformed()
    return int(found[0])


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
    """h11's messages quote the request, so they are replaced."""
    if error.error_status_hint == 501:
        return RequestRefused(501, "The request's Transfer-Encoding is not supported; use chunked.")
    return malformed()
