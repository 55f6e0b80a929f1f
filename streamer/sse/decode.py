"""Bytes as messages (WHATWG HTML, 9.2.6 "Interpreting an event stream"), whatever way the network cut them.

What is complete is decoded, split and matched at once, by one regular expression whose first alternative is the event
as servers usually write it; what is written in another way is read line by line. Both say the same.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

MAX_EVENT_BYTES: Final = 1024 * 1024
"""How large an event may be by default."""

_BOM: Final = b"\xef\xbb\xbf"
_LONGEST_RETRY_MS: Final = 10**12
"""A wait of 31 years: what is longer is for ever too, and no number with a million digits has to be read."""

_BLOCKS: Final = re.compile(
    r"(?:id: ?+(.++)\n)?+(?:event: ?+(.++)\n)?+data: ?+(.*+)\n\n"  # the usual event
    r"|((?:.++\n)++\n|\n)"  # any other: lines and an empty line, or an empty line too many
)
_IGNORED_LINE: Final = re.compile(rb"^(?!(?:data|event|id|retry)(?::|$))[^\n]++\n", re.MULTILINE)
_IGNORED_BEGINNING: Final = re.compile(rb"^(?!(?:data|event|id|retry)(?::|$))[^\n]{6,}+\Z", re.MULTILINE)
"""The last, unfinished line, once it is long enough to be known as one that will be ignored."""
_RETRY_LINE: Final = re.compile(rb"^retry: ?+([0-9]+)\n", re.MULTILINE)


class Message(NamedTuple):
    """One dispatched event. A named tuple, because making a frozen dataclass costs more than reading the event."""

    event: str
    """Its name; `message` where the stream gives none."""
    data: str
    """Its lines, joined by line feeds."""
    id: str
    """The stream's last event id when it was dispatched; empty: none yet."""
    retry_ms: int | None
    """The reconnection time that was set among its lines, if one was."""


class EventTooLarge(ValueError):
    """An event grows beyond the limit; nothing that follows can be read."""


class Decoder:
    """Reads one connection's bytes.

    `last_event_id`: where a stream that is continued had come to; as in browsers, it stays until the server sends
    another. `max_event_bytes`: the largest event, comments and unknown fields not counted.
    """

    def __init__(self, last_event_id: str = "", max_event_bytes: int = MAX_EVENT_BYTES) -> None:
        self.last_event_id = last_event_id
        """As of the last event that was complete, with data or without."""
        self.received = 0
        """Bytes so far. When it grows the connection lives, though only comments may have come."""
        self._max = max_event_bytes
        self._pending = bytearray()  # what follows the last empty line, with line feeds alone
        self._begun = False
        self._after_cr = False
        self._retry_ms: int | None = None
        self._too_large = False

    @property
    def retry_ms(self) -> int | None:
        """The reconnection time that the stream set last, in milliseconds; it counts once its line is complete."""
        unfinished = _RETRY_LINE.findall(self._pending) if self._begun else None
        return _milliseconds(unfinished[-1].decode()) if unfinished else self._retry_ms

    def feed(self, chunk: bytes) -> list[Message]:
        """The messages that are complete with these bytes.

        Raises EventTooLarge, but first returns what was complete before that event. An event that is unfinished when
        the stream ends is dropped by not being asked for.
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
            if self._pending.startswith(_BOM):
                del self._pending[: len(_BOM)]
        end = self._pending.rfind(b"\n\n", searched) + 2
        messages: list[Message] = []
        if end > 1:
            complete = self._pending[:end]
            del self._pending[:end]
            if end > self._max:
                complete = self._within_limit(complete)
            messages = self._messages(complete.decode("utf-8", "replace"))
        if len(self._pending) > self._max:
            self._shorten()
        if not messages:
            self._check()
        return messages

    def _with_line_feeds(self, chunk: bytes) -> bytes:
        """CR LF and CR as LF. A CR at the end ends its line now: whether an LF follows is seen with the next bytes."""
        if self._after_cr and chunk:
            self._after_cr = False
            chunk = chunk.removeprefix(b"\n")
        if chunk.endswith(b"\r"):
            self._after_cr = True
        return chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")

    def _messages(self, text: str) -> list[Message]:
        """The messages of whole blocks, each with its empty line."""
        if "\0" in text:  # in an id it changes the meaning, and nobody sends it: not worth a usual way
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
        """One block, line by line."""
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
                self._retry_ms = retry_ms = _milliseconds(value)
        return Message(name or "message", "\n".join(data), self.last_event_id, retry_ms) if data else None

    def _within_limit(self, complete: bytearray) -> bytearray:
        """What comes before the first block that is too large."""
        begin = 0
        for block in complete.split(b"\n\n"):
            if len(block) > self._max and len(_IGNORED_LINE.sub(b"", block + b"\n")) > self._max + 1:
                self._too_large = True
                return complete[:begin]
            begin += len(block) + 2
        return complete

    def _shorten(self) -> None:
        """Drops from the unfinished event what will be ignored anyway, and sees whether it is still too large."""
        kept = _IGNORED_BEGINNING.sub(b":", _IGNORED_LINE.sub(b"", self._pending))
        self._pending = bytearray(kept)
        self._too_large = len(kept) - kept.endswith(b"\n") > self._max

    def _check(self) -> None:
        if self._too_large:
            raise EventTooLarge(f"an event of the stream is larger than {self._max:,} bytes")


def _milliseconds(digits: str) -> int:
    significant = digits.lstrip("0")
    return _LONGEST_RETRY_MS if len(significant) > 12 else int(significant or "0")
