"""An incremental decoder of event streams (WHATWG HTML, 9.2.6 "Interpreting an event stream").

All complete events of a chunk are matched by one regular expression, whose first alternative is the usual form of an
event. Events in another form are parsed line by line, with the same result. Each byte is read a bounded number of
times, however the stream is cut into chunks.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_EVENT_BYTES: Final = 1024 * 1024
"""Default maximum size of an event."""

_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_RETRY_MS: Final = 10**12
"""31 years. Longer reconnection times are set to this value, so that no number with a million digits is parsed."""

_BLOCKS: Final = re.compile(
    r"(?:id: ?+(.++)\n)?+(?:event: ?+(.++)\n)?+data: ?+(.*+)\n\n"  # the usual event
    r"|((?:.++\n)++\n|\n)"  # any other form: lines and an empty line, or only an empty line
)
_IGNORED_LINE: Final = re.compile(rb"^(?!(?:data|event|id|retry)(?::|$))[^\n]++\n", re.MULTILINE)
_IGNORED_BEGINNING: Final = re.compile(rb":|(?!(?:data|event|id|retry)(?::|\Z))[^\n]{6}")
"""The beginning of an incomplete line that is certainly a comment or an unknown field."""
_FIELD_BEGINNING: Final = re.compile(rb"(?:data|event|id|retry):")
_RETRY_LINE: Final = re.compile(rb"^retry: ?+([0-9]+)\n", re.MULTILINE)


class Message(NamedTuple):
    """One event. A named tuple, because creating a frozen dataclass takes longer than parsing the event."""

    event: str
    """The event's name; `message` if the event has none."""
    data: str
    """The data lines, joined by line feeds."""
    id: str
    """The last event id of the stream; empty: none yet."""
    retry_ms: int | None
    """The reconnection time in the event's lines; None if they have none."""


class EventTooLarge(ValueError):
    """An event is larger than the limit. The decoder cannot continue."""


class Decoder:
    """Decodes the bytes of one connection.

    `last_event_id`: the id with which the stream resumed; as in browsers, it is valid until the server sends another.
    `max_event_bytes`: maximum size of an event without comments and unknown fields.
    """

    def __init__(self, last_event_id: str = "", max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.last_event_id = last_event_id
        """The last event id of the stream, also from an event without data."""
        self.received = 0
        """Number of received bytes, including comments."""
        self._max = max_event_bytes
        self._pending = bytearray()  # the bytes after the last empty line; all line ends are LF
        self._checked = 0  # length of the complete lines in `_pending`, which `_take_lines` has seen
        self._begun = False
        self._after_cr = False
        self._too_large = False
        self.retry_ms: int | None = None
        """The last reconnection time of the stream in milliseconds, also from the complete lines of an incomplete
        event."""

    def feed(self, chunk: bytes) -> list[Message]:
        """Returns the messages that the chunk completes.

        Raises EventTooLarge, but first returns the messages before the large event. An event that is incomplete at the
        end of the stream is never returned.
        """
        self._check()
        self.received += len(chunk)
        if self._after_cr or b"\r" in chunk:
            chunk = self._with_line_feeds(chunk)
        searched = max(0, len(self._pending) - 1)
        self._pending += chunk
        if not self._begun:
            if len(self._pending) < len(_BOM) and _BOM.startswith(self._pending):
                return []
            self._begun = True
            searched = 0
            if self._pending.startswith(_BOM):
                del self._pending[: len(_BOM)]
        end = self._pending.rfind(b"\n\n", searched) + 2
        messages: list[Message] = []
        if end > 1:
            complete = self._pending[:end]
            del self._pending[:end]
            self._checked = searched = 0
            if end > self._max:
                complete = self._within_limit(complete)
            messages = self._messages(complete.decode("utf-8", "replace"))
        if self._pending:
            self._take_lines(searched)
        if not messages:
            self._check()
        return messages

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """Replaces CR LF and CR by LF. A CR at the end of the chunk ends its line; an LF at the start of the next chunk
        is then dropped."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if chunk.endswith(b"\r"):
            self._after_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _messages(self, text: str) -> list[Message]:
        """Returns the messages of complete blocks, each of which ends with an empty line."""
        if "\0" in text:  # an id with NUL is ignored; too rare for the regular expression
            return [message for block in text.split("\n\n") if (message := self._unusual(block)) is not None]
        messages: list[Message] = []
        add, new, make, last_id = messages.append, tuple.__new__, Message, self.last_event_id
        for event_id, name, data, unusual in _BLOCKS.findall(text):
            if not unusual:
                if event_id:
                    last_id = event_id
                add(new(make, (name or "message", data, last_id, None)))
                continue
            self.last_event_id = last_id
            message = self._unusual(unusual)
            last_id = self.last_event_id
            if message is not None:
                add(message)
        self.last_event_id = last_id
        return messages

    def _unusual(self, block: str) -> Message | None:
        """Parses one block line by line."""
        name, data, retry_ms = "", [], None
        for line in block.split("\n"):
            field, _, value = line.partition(":")
            value = value.removeprefix(" ")
            if field == "data":
                data.append(value)
            elif field == "event":
                name = value
            elif field == "id" and "\0" not in value:
                self.last_event_id = value
            elif field == "retry" and value.isascii() and value.isdigit():
                self.retry_ms = retry_ms = _milliseconds(value)
        return Message(name or "message", "\n".join(data), self.last_event_id, retry_ms) if data else None

    def _within_limit(self, complete: bytearray) -> bytearray:
        """Returns the blocks before the first one that is too large."""
        begin = 0
        for block in complete.split(b"\n\n"):
            if len(block) > self._max and len(_IGNORED_LINE.sub(b"", block.lstrip(b"\n") + b"\n")) > self._max + 1:
                self._too_large = True
                return complete[:begin]
            begin += len(block) + 2
        return complete

    def _take_lines(self, searched: int) -> None:
        """Reads the new complete lines of the incomplete event: applies `retry`, removes comments and unknown fields,
        and checks the size. `searched`: length of what earlier calls have searched for line ends."""
        pending = self._pending
        end = pending.rfind(b"\n", searched) + 1
        if end > self._checked:
            lines = pending[self._checked : end]
            kept = _IGNORED_LINE.sub(b"", lines if self._checked else lines.lstrip(b"\n"))
            if len(kept) < len(lines):
                pending[self._checked : end] = kept
            if retries := _RETRY_LINE.findall(kept):
                self.retry_ms = _milliseconds(retries[-1].decode())
            self._checked += len(kept)
        if _IGNORED_BEGINNING.match(pending, self._checked):
            pending[self._checked :] = b":"
        size = self._checked - 1  # without the line end
        if _FIELD_BEGINNING.match(pending, self._checked):
            size = len(pending)
        self._too_large = self._too_large or size > self._max

    def _check(self) -> None:
        if self._too_large:
            raise EventTooLarge(f"an event of the stream is larger than {self._max:,} bytes")


def _milliseconds(digits: str) -> int:
    significant = digits.lstrip("0")
    return _LONGEST_RETRY_MS if len(significant) > 12 else int(significant or "0")
