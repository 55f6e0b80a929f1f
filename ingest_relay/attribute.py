"""Converts an attribute value of a stream record, such as `{"N": "0.82"}`, to JSON text.

Pure. Numbers and binary are text in DynamoDB. They are validated and copied, without conversion to a float, so no digit
is lost. All output is ASCII, because SQS rejects some characters (U+FFFE, lone surrogates) that a table can contain,
but accepts their JSON escapes.
Format: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_AttributeValue.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from decimal import Decimal
from json.encoder import encode_basestring_ascii as quote
from typing import Final

DEEPEST: Final = 32
"""Maximum nesting depth of lists and maps in DynamoDB."""
_SMALLEST, _LARGEST = -130, 125
"""Exponents of the smallest and largest magnitude in DynamoDB."""

_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?")
_SHORT = 125  # a plain number of at most 125 characters is within DynamoDB's magnitudes
_DECIMAL = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,4}))?")


class AttributeFault(ValueError):
    """A value cannot be converted. The message has the type, and never the content of a string or binary."""


def to_json(value: object, depth: int = 0) -> str:
    """Converts one attribute value to compact ASCII JSON: N to a number token with the same digits, B to its base64
    text, SS, NS, BS and L to arrays, M to an object, BOOL and NULL to themselves.

    Raises AttributeFault if the value is invalid in DynamoDB or has an unknown type.
    """
    if not isinstance(value, dict) or len(value) != 1:
        raise AttributeFault('a value is not an object with one member, like {"S": "text"}')
    ((kind, content),) = value.items()
    convert = _CONVERTERS.get(kind)
    if convert is None:
        raise AttributeFault(f"type {_shown(kind)} is unknown; the relay knows {', '.join(_CONVERTERS)}")
    return convert(content, depth)


def _string(content: object, _depth: int) -> str:
    if not isinstance(content, str):
        raise AttributeFault(f"type S holds a {type(content).__name__}, not a string")
    return quote(content)


def _number(content: object, _depth: int) -> str:
    if not isinstance(content, str):
        raise AttributeFault(f"type N holds a {type(content).__name__}, not a string")
    if len(content) <= _SHORT and _PLAIN.fullmatch(content):
        return content
    parts = _DECIMAL.fullmatch(content)
    if parts is None or not (parts[2] or parts[3]):
        raise AttributeFault(f"type N holds {_shown(content)}, which is not a finite decimal number")
    token = (
        f"{'-' if parts[1] == '-' else ''}{parts[2].lstrip('0') or '0'}"
        f"{'.' + parts[3] if parts[3] else ''}{'E' + parts[4] if parts[4] else ''}"
    )
    number = Decimal(token)
    if number and not _SMALLEST <= number.adjusted() <= _LARGEST:
        raise AttributeFault(f"type N holds {_shown(content)}, which is beyond DynamoDB's magnitudes")
    return token


def _binary(content: object, _depth: int) -> str:
    if not isinstance(content, str):
        raise AttributeFault(f"type B holds a {type(content).__name__}, not base64 text")
    try:
        base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise AttributeFault("type B holds text that is not base64") from None
    return quote(content)


def _boolean(content: object, _depth: int) -> str:
    if not isinstance(content, bool):
        raise AttributeFault(f"type BOOL holds a {type(content).__name__}, not true or false")
    return "true" if content else "false"


def _null(content: object, _depth: int) -> str:
    if content is not True:
        raise AttributeFault("type NULL holds a value other than true")
    return "null"


def _set_of(kind: str, convert: Callable[[object, int], str]) -> Callable[[object, int], str]:
    def convert_set(content: object, depth: int) -> str:
        if not isinstance(content, list):
            raise AttributeFault(f"type {kind} holds a {type(content).__name__}, not an array")
        return f"[{','.join([convert(member, depth) for member in content])}]"

    return convert_set


def _list(content: object, depth: int) -> str:
    if not isinstance(content, list):
        raise AttributeFault(f"type L holds a {type(content).__name__}, not an array")
    depth = _deeper(depth)
    return f"[{','.join([to_json(member, depth) for member in content])}]"


def _map(content: object, depth: int) -> str:
    if not isinstance(content, dict):
        raise AttributeFault(f"type M holds a {type(content).__name__}, not an object")
    depth = _deeper(depth)
    return f"{{{','.join([f'{quote(str(name))}:{to_json(member, depth)}' for name, member in content.items()])}}}"


def _deeper(depth: int) -> int:
    if depth >= DEEPEST:
        raise AttributeFault(f"lists and maps are nested more than {DEEPEST} levels deep")
    return depth + 1


def _shown(text: object) -> str:
    """Returns a type's name or a number's text, shortened for a log line."""
    shown = ascii(text)
    return shown if len(shown) <= 40 else f"{shown[:37]}..."


_CONVERTERS: Final[dict[str, Callable[[object, int], str]]] = {
    "S": _string,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "L": _list,
    "M": _map,
    "SS": _set_of("SS", _string),
    "NS": _set_of("NS", _number),
    "BS": _set_of("BS", _binary),
}
