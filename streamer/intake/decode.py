"""The body of one queue message: change record version 1, as values.

Pure. Whatever a queue can hold comes in here, so nothing is taken on trust: a message that makes no sense is poison
as a whole, a broken change in a good message is dropped alone. What is said about either never quotes its content.
Format: DESIGN, "From the stream to SNS".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from streamer.change import EXPIRED, GONE, Change, Key, is_text, read_item, read_key
from streamer.configuration import Notice, read_configuration
from streamer.errors import PoisonMessage

VERSION: Final = 1
LARGEST: Final = 262_144
"""The most bytes that SNS lets through."""

_LONGEST_TRACE = 1_000  # characters; X-Ray's header has under 200
_LONGEST_SEQ = 128  # digits; AWS's have up to 40
_YEAR_10000 = 253_402_300_800  # Unix seconds; nothing later can be written as ISO 8601


@dataclass(frozen=True, slots=True)
class Batch:
    """One message of changes."""

    relayed_at: int
    """When the relay published it, in Unix milliseconds."""
    trace: str | None
    """The relay's X-Ray header."""
    changes: tuple[Change, ...]
    """Those of the sentiment table that can be understood, in stream order."""
    faults: tuple[str, ...]
    """One line for each change that was dropped: its index in the message, from 0, and what was wrong."""
    elsewhere: int
    """How many changes belong to other tables, or are none of a configuration."""
    notices: tuple[Notice, ...] = ()
    """Those of the users table's configurations, in stream order."""
    traceparent: str | None = None
    """The same trace as `trace`, as a W3C header."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A message that says only that the topic works."""

    sent_at: int
    """Unix milliseconds."""
    trace: str | None = None


def decode(body: str, sentiment_table: str, users_table: str | None = None) -> Batch | Canary:
    """Reads a message's body.

    Raises PoisonMessage, and nothing else, if all of it is unusable: `too_large` (over 262,144 bytes), `json` (not
    JSON, or nested too deeply), `version` (not 1), `shape` (a member missing or of the wrong type).
    """
    size = len(body) if body.isascii() else len(body.encode("utf-8", "surrogatepass"))
    if size > LARGEST:
        raise PoisonMessage("too_large", f"the message has {size} bytes, over {LARGEST}")
    message = _parse(body)
    if not isinstance(message, dict):
        raise PoisonMessage("shape", f"the message is {_kind(message)}, not an object")
    version = message.get("v")
    if type(version) is not int or version != VERSION:
        known = type(version) is int and abs(version) < 1_000_000
        raise PoisonMessage("version", f"version {version if known else _kind(version)} is not {VERSION}")
    trace = _trace(message.get("trace"))
    if "canary" not in message:
        return _batch(message, trace, sentiment_table, users_table)
    canary = message["canary"]
    if not isinstance(canary, dict) or "changes" in message:
        raise PoisonMessage("shape", "canary is not an object, or stands beside changes")
    return Canary(_milliseconds("canary.sent_at", canary.get("sent_at")), trace)


def _batch(message: Mapping[str, Any], trace: str | None, sentiment_table: str, users_table: str | None) -> Batch:
    relayed_at = _milliseconds("relayed_at", message.get("relayed_at"))
    records = message.get("changes")
    if not isinstance(records, list):
        raise PoisonMessage("shape", f"changes is {_kind(records)}, not an array")
    changes: list[Change] = []
    notices: list[Notice] = []
    faults: list[str] = []
    elsewhere = 0
    for index, record in enumerate(records):
        try:
            table = _table(record)
            if table == sentiment_table:
                changes.append(_change(record))
            elif table == users_table and (notice := _notice(record)) is not None:
                notices.append(notice)
            else:
                elsewhere += 1
        except _Fault as fault:
            faults.append(f"change {index}: {fault}")
    traceparent = _trace(message.get("traceparent"))
    return Batch(relayed_at, trace, tuple(changes), tuple(faults), elsewhere, tuple(notices), traceparent)


class _Fault(Exception):
    """Why one change is dropped."""


# Plain checks instead of a pydantic model for each change: they take a fifth of the time that a change does, and every
# word of a fault is ours (pydantic's name the keys that came in).


def _table(record: object) -> str:
    if not isinstance(record, dict):
        raise _Fault(f"it is {_kind(record)}, not an object")
    table = record.get("table")
    if not isinstance(table, str):
        raise _Fault(f"table is {_kind(table)}, not a string")
    return table


def _change(record: Mapping[str, Any]) -> Change:
    op = record.get("op")
    if op == "INSERT" or op == "MODIFY":
        after = read_item(_image("new", record.get("new")))
    elif op == "REMOVE":
        ttl = record.get("ttl", False)
        if not isinstance(ttl, bool):
            raise _Fault(f"ttl is {_kind(ttl)}, not true or false")
        after = EXPIRED if ttl else GONE
    else:
        raise _Fault("op is none of INSERT, MODIFY, REMOVE")
    old = record.get("old")
    seq, committed_at = _order(record)
    return Change(
        key=_key(record.get("keys")),
        after=after,
        before=None if old is None else read_item(_image("old", old)).state,
        seq=seq,
        committed_at=committed_at,
    )


def _notice(record: Mapping[str, Any]) -> Notice | None:
    """None: what changed is no configuration but something that is kept beside it, a name's guard."""
    keys = record.get("keys")
    if not isinstance(keys, dict):
        raise _Fault(f"keys is {_kind(keys)}, not an object")
    user, config = keys.get("PK"), keys.get("SK")
    if not isinstance(user, str) or not isinstance(config, str):
        raise _Fault("PK and SK are not both strings")
    if not user.startswith("USER#") or not config.startswith("CONFIG#"):
        return None
    user_id, config_id = user.removeprefix("USER#"), config.removeprefix("CONFIG#")
    op = record.get("op")
    if op == "INSERT" or op == "MODIFY":
        shows = read_configuration(user_id, config_id, _image("new", record.get("new"))).shows
    elif op == "REMOVE":
        shows = None
    else:
        raise _Fault("op is none of INSERT, MODIFY, REMOVE")
    return Notice(user_id, config_id, shows, *_order(record))


def _order(record: Mapping[str, Any]) -> tuple[int, int]:
    seq = record.get("seq")
    if not isinstance(seq, str) or not (seq.isdigit() and seq.isascii() and len(seq) <= _LONGEST_SEQ):
        raise _Fault(f"seq is not a string of 1 to {_LONGEST_SEQ} digits")
    committed_at = record.get("committed_at")
    if type(committed_at) is not int or not 0 <= committed_at < _YEAR_10000:
        raise _Fault("committed_at is not a whole number of Unix seconds")
    return int(seq), committed_at


def _key(keys: object) -> Key:
    if not isinstance(keys, dict):
        raise _Fault(f"keys is {_kind(keys)}, not an object")
    try:
        return read_key(keys)
    except ValueError as fault:
        raise _Fault(str(fault)) from None


def _image(which: str, image: object) -> Mapping[str, object]:
    if not isinstance(image, dict):
        raise _Fault(f"{which} is {_kind(image)}, not an object")
    return image


def _milliseconds(name: str, value: object) -> int:
    if type(value) is not int or not 0 <= value < _YEAR_10000 * 1000:
        raise PoisonMessage("shape", f"{name} is not a whole number of Unix milliseconds")
    return value


def _trace(value: object) -> str | None:
    # a trace is an ornament: a bad one is no reason to lose what came with it
    return value if isinstance(value, str) and len(value) <= _LONGEST_TRACE and is_text(value) else None


def _parse(body: str) -> object:
    # A number that no table holds (5,000 digits, an exponent of 20) spoils its own change alone: the second reading
    # takes it for a NaN, which read_item refuses.
    for decoder in (_DECODER, _LENIENT):
        try:
            return decoder.decode(body)
        except json.JSONDecodeError as error:
            raise PoisonMessage("json", f"not JSON at character {error.pos} of {len(body)}") from None
        except RecursionError:
            raise PoisonMessage("json", "nested too deeply") from None
        except (ValueError, ArithmeticError):
            continue
    raise PoisonMessage("json", "a number cannot be read")


def _refuse(constant: str) -> object:
    raise json.JSONDecodeError(f"{constant} is not JSON", "", 0)


def _float(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        return _NOT_A_NUMBER


def _int(text: str) -> int | Decimal:
    try:
        return int(text)
    except ValueError:
        return _NOT_A_NUMBER


_NOT_A_NUMBER = Decimal("NaN")
_DECODER = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse)
_LENIENT = json.JSONDecoder(parse_float=_float, parse_int=_int, parse_constant=_refuse)


def _kind(value: object) -> str:
    """What a JSON value is, without its content."""
    match value:
        case None:
            return "missing or null"
        case bool():
            return "true or false"
        case int() | Decimal():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
