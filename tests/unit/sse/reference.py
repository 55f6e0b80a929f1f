"""The specification's text as slow, plain code, to hold the decoder against: WHATWG HTML 9.2.5 and 9.2.6, and the
Encoding standard's "UTF-8 decode" with its replacement error mode."""

from __future__ import annotations

from dataclasses import dataclass, field

Event = tuple[str, str, str]
"""Name, data, last event id."""


@dataclass
class Outcome:
    """What an event source would have done with a stream that has ended."""

    events: list[Event] = field(default_factory=list)
    last_event_id: str = ""
    retry_ms: int | None = None


def interpret(stream: bytes) -> Outcome:
    """Reads a whole stream, one line after the other."""
    outcome = Outcome()
    data, event_type, id_buffer = "", "", ""
    for line in _lines(_utf8_decode(stream)):
        if line == "":
            outcome.last_event_id = id_buffer
            if data != "":
                outcome.events.append((event_type or "message", data[:-1], id_buffer))
            data, event_type = "", ""
            continue
        if line[0] == ":":
            continue
        name, colon, value = line.partition(":")
        if colon and value[:1] == " ":
            value = value[1:]
        if name == "event":
            event_type = value
        elif name == "data":
            data += value + "\n"
        elif name == "id":
            if "\0" not in value:
                id_buffer = value
        elif name == "retry" and value and all(digit in "0123456789" for digit in value):
            outcome.retry_ms = int(value)
    return outcome


def _lines(text: str) -> list[str]:
    """The lines that are complete: what follows the last line end is dropped."""
    lines, line, position = [], "", 0
    while position < len(text):
        if text[position] == "\r" and text[position + 1 : position + 2] == "\n":
            position += 1
        if text[position] in "\r\n":
            lines.append(line)
            line = ""
        else:
            line += text[position]
        position += 1
    return lines


def _utf8_decode(stream: bytes) -> str:
    """Encoding standard, 8.1.1 "UTF-8 decoder", after one BOM is taken off."""
    stream = stream.removeprefix(b"\xef\xbb\xbf")
    text, position = "", 0
    point = needed = seen = 0
    lower, upper = 0x80, 0xBF
    while position < len(stream):
        byte = stream[position]
        position += 1
        if needed == 0:
            if byte <= 0x7F:
                text += chr(byte)
            elif 0xC2 <= byte <= 0xDF:
                needed, point = 1, byte & 0x1F
            elif 0xE0 <= byte <= 0xEF:
                lower, upper = 0xA0 if byte == 0xE0 else lower, 0x9F if byte == 0xED else upper
                needed, point = 2, byte & 0xF
            elif 0xF0 <= byte <= 0xF4:
                lower, upper = 0x90 if byte == 0xF0 else lower, 0x8F if byte == 0xF4 else upper
                needed, point = 3, byte & 0x7
            else:
                text += "\ufffd"
            continue
        if not lower <= byte <= upper:
            point = needed = seen = 0
            lower, upper = 0x80, 0xBF
            position -= 1
            text += "\ufffd"
            continue
        lower, upper = 0x80, 0xBF
        point = point << 6 | byte & 0x3F
        seen += 1
        if seen == needed:
            text += chr(point)
            point = needed = seen = 0
    return text + "\ufffd" if needed else text
