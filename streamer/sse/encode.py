"""Encodes events (WHATWG HTML, 9.2.6 "Interpreting an event stream")."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from json.encoder import encode_basestring

from streamer.change import plain

PING = b": ping\n\n"
"""A comment. It prevents proxies from closing an idle connection; scripts do not see it."""


def frame(event: str, data: str, *, place: str | None = None, retry_ms: int | None = None) -> bytes:
    """Encodes one event. `data`: one line of JSON, without line breaks."""
    lines = f"event: {event}\ndata: {data}\n\n"
    if retry_ms is not None:
        lines = f"retry: {retry_ms}\n{lines}"
    if place is not None:
        lines = f"id: {place}\n{lines}"
    return lines.encode()


_LINE_ENDS = str.maketrans({end: f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"})
"""Unicode's line ends: a client that splits lines at them would truncate the data."""


def quote(text: str) -> str:
    """Returns a JSON string in UTF-8, in which only JSON's special characters and Unicode's line ends are escaped."""
    quoted = encode_basestring(text)
    if quoted.isascii() or not ("\x85" in quoted or "\u2028" in quoted or "\u2029" in quoted):
        return quoted  # the searches are 30 times faster than `translate`
    return quoted.translate(_LINE_ENDS)


def to_json(value: object) -> str:
    """Returns compact JSON. Strings are written by `quote`; a Decimal becomes a number with all digits. Raises
    TypeError for other types."""
    if value is None:
        return "null"
    if isinstance(value, str):
        return quote(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return repr(value)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{quote(name)}:{to_json(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(to_json, value)) + "]"
    raise TypeError(f"cannot encode {type(value).__name__} as JSON")
