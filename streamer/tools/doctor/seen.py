"""What was seen of one response: its head, its times, and the events of a stream. Pure; `wire` fills it in.

All times named `at` are seconds of one monotonic clock; `wall` is Unix seconds of this machine.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from streamer.sse.decode import Decoder, EventTooLarge, Message

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_MESSAGES: Final = 50_000
"""Of one stream; more is not read. A busy stream may have as many, so that is no fault."""
BROKEN_CODING: Final = "the chunked coding is broken"
"""The error of a stream whose chunks cannot be read."""
_MAX_COMMENT: Final = 4096
_PIECE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ResponseHead:
    """Status line and headers, with repeated headers kept. Names are in lower case."""

    status: int
    version: str
    headers: tuple[tuple[str, str], ...]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name]

    def get(self, name: str) -> str:
        """Returns the values joined by commas; empty without one."""
        return ", ".join(self.all(name))

    @property
    def media_type(self) -> str:
        return self.get("content-type").partition(";")[0].strip().lower()


class SeenMessage(NamedTuple):
    """One event, and when it came."""

    at: float
    wall: float
    message: Message

    def data(self) -> Mapping[str, Any]:
        """The data if it is a JSON object; else an empty mapping."""
        try:
            found = json.loads(self.message.data)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class Reply:
    """A whole response."""

    head: ResponseHead | None = None
    body: bytes = b""
    error: str = ""
    """Why there is no complete response."""
    seconds: float = 0.0
    wall: float = 0.0
    """When the head had arrived."""

    @property
    def status(self) -> int:
        return 0 if self.head is None else self.head.status

    def json(self) -> Mapping[str, Any]:
        """The body if it is a JSON object; else an empty mapping."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(slots=True)
class StreamLog:
    """One request for a stream, as far as it has got."""

    place: str = ""
    """The Last-Event-ID that was sent."""
    asked_at: float | None = None
    """When the request was written."""
    head: ResponseHead | None = None
    head_at: float | None = None
    head_wall: float = 0.0
    first_at: float | None = None
    """When the first byte of the body came."""
    pieces: list[float] = field(default_factory=list)
    """When each piece of the body came."""
    messages: list[SeenMessage] = field(default_factory=list)
    comments: list[float] = field(default_factory=list)
    closed: bool = False
    """The server ended the response, completely as far as its framing shows."""
    closed_at: float | None = None
    """When it ended, by whichever side."""
    error: str = ""
    """Why the request failed, or how the stream broke."""
    body_problem: str = ""
    """Why the body is not an event stream as the standard has it."""
    received: int = 0
    _decoder: Decoder = field(default_factory=Decoder)
    _inflate: Any = None
    _line: bytearray = field(default_factory=bytearray)

    @property
    def is_stream(self) -> bool:
        return self.head is not None and self.head.status == 200 and self.head.media_type == "text/event-stream"

    @property
    def readable(self) -> bool:
        """Whether events came."""
        return self.is_stream and bool(self.messages)

    def answered(self, head: ResponseHead, at: float, wall: float) -> None:
        self.head, self.head_at, self.head_wall = head, at, wall
        if head.get("content-encoding").lower() in {"gzip", "x-gzip", "deflate"}:
            self._inflate = zlib.decompressobj(47)  # gzip or zlib, as the data has it

    def feed(self, data: bytes, at: float, wall: float) -> bool:
        """Takes a piece of the body. Returns False if no more is to be read."""
        self.received += len(data)
        if self.first_at is None:
            self.first_at = at
        self.pieces.append(at)
        if self._inflate is not None:
            try:
                data = self._inflate.decompress(data, _PIECE)
            except zlib.error as error:
                self.body_problem = f"the compressed content is damaged: {error}"
                return False
        elif self.head is not None and self.head.get("content-encoding").lower() not in {"", "identity"}:
            return self.received <= MAX_BYTES
        self._take_comments(data, at)
        try:
            for message in self._decoder.feed(data):
                self.messages.append(SeenMessage(at, wall, message))
        except EventTooLarge as error:
            self.body_problem = str(error)
            return False
        return self.received <= MAX_BYTES and len(self.messages) < MAX_MESSAGES

    def _take_comments(self, data: bytes, at: float) -> None:
        *lines, rest = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in lines:
            if self._line[:1] == b":" or (not self._line and line[:1] == b":"):
                self.comments.append(at)
            self._line.clear()
        if len(self._line) < _MAX_COMMENT:
            self._line += rest[:_MAX_COMMENT]

    @property
    def retry_ms(self) -> int | None:
        return self._decoder.retry_ms

    @property
    def chunked(self) -> bool:
        return self.head is not None and "chunked" in self.head.get("transfer-encoding").lower()

    def named(self, *names: str) -> list[SeenMessage]:
        """Returns the events with these names."""
        return [each for each in self.messages if each.message.event in names]

    def first(self, name: str) -> Mapping[str, Any]:
        """Returns the data of the first event with this name; an empty mapping without one."""
        return next((each.data() for each in self.messages if each.message.event == name), {})
