"""Converts a DynamoDB stream record in Lambda's format to a change of change record v1.

Pure. Reads only attributes of the table's allow-list, so article text takes no time and never leaves the table.
Format: https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring_ascii as quote
from typing import Any, Final, Literal

from ingest_relay.attribute import AttributeFault, to_json

Reason = Literal["undecodable", "too_large", "unknown_table"]
"""Why a record cannot be relayed."""

_OPERATIONS: Final = ("INSERT", "MODIFY", "REMOVE")
_STREAM_ARN: Final = re.compile(r"arn:[^:]+:dynamodb:[^:]*:[^:]*:table/([A-Za-z0-9_.-]+)/stream/.+")
_SEQUENCE: Final = re.compile(r"[0-9]{1,128}")
_YEAR_5138: Final = 100_000_000_000  # seconds; a larger number is in milliseconds, or malformed
_TTL: Final = ("Service", "dynamodb.amazonaws.com")
_SECONDS: Final = re.compile(r"[0-9]{1,12}")
_LONGEST_EXPIRED: Final = 5 * 366 * 86_400  # seconds; TTL does not delete items that expired longer ago


@dataclass(frozen=True, slots=True)
class Allowed:
    """The allow-list of a table: its key attributes (all strings) and the other attributes that may leave it."""

    keys: tuple[str, ...]
    attributes: tuple[str, ...]
    ttl: str | None = None
    """The TTL attribute (Unix seconds). It is read, but does not leave the table."""


SENTIMENT: Final = Allowed(
    keys=("source_id", "timestamp"),
    attributes=("matched_tickers", "ticker", "sentiment", "score", "confidence", "source", "updated_at"),
    ttl="ttl_timestamp",
)
USERS: Final = Allowed(keys=("PK", "SK"), attributes=("tickers", "status"))


@dataclass(frozen=True, slots=True)
class Change:
    """A record that can be relayed."""

    position: int
    """Index of the record in its batch."""
    seq: str
    """Sequence number, unchanged."""
    text: str
    """Compact ASCII JSON with op, table, keys, new, old, seq, committed_at (Unix seconds) and ttl. `new` and `old` are
    missing if the record has no such image, and do not contain the keys. `ttl` is missing if false."""


class RecordFault(Exception):
    """A record cannot be relayed. The message has neither keys nor article text."""

    def __init__(self, reason: Reason, error: str) -> None:
        super().__init__(error)
        self.reason = reason


def to_change(record: object, position: int, tables: Mapping[str, Allowed]) -> Change:
    """Converts the record at `position` of a batch, with the allow-list of its table.

    Raises RecordFault with the reason `unknown_table` if `tables` does not have its table, else `undecodable`.
    """
    if not isinstance(record, dict):
        raise _undecodable("the record is not an object")
    table = table_of(record)
    if table is None:
        raise _undecodable("eventSourceARN is not the ARN of a table's stream")
    allowed = tables.get(table)
    if allowed is None:
        raise RecordFault(
            "unknown_table",
            f"table {table!a} is not one of {', '.join(sorted(tables))}: correct the relay's environment, "
            "or remove the event source mapping of that table",
        )
    op = record.get("eventName")
    if op not in _OPERATIONS:
        raise _undecodable(f"eventName is not one of {', '.join(_OPERATIONS)}")
    body = record.get("dynamodb")
    if not isinstance(body, dict):
        raise _undecodable("dynamodb is not an object")
    seq = body.get("SequenceNumber")
    if not isinstance(seq, str) or not _SEQUENCE.fullmatch(seq):
        raise _undecodable("SequenceNumber is not a string of digits")
    if op != "REMOVE" and "NewImage" not in body:
        raise _undecodable(f"{op} without NewImage: the stream's view type has to be NEW_AND_OLD_IMAGES")
    new = f',"new":{_image(body, "NewImage", allowed)}' if "NewImage" in body else ""
    old = f',"old":{_image(body, "OldImage", allowed)}' if "OldImage" in body else ""
    committed_at = _committed_at(body)
    ttl = ',"ttl":true' if _is_ttl(record) or _has_expired(record, body, allowed, committed_at) else ""
    return Change(
        position,
        seq,
        f'{{"op":"{op}","table":"{table}","keys":{_keys(body, allowed)}{new}{old},'
        f'"seq":"{seq}","committed_at":{committed_at}{ttl}}}',
    )


def table_of(record: Mapping[str, Any]) -> str | None:
    """Returns the table's name from the ARN of the record's stream; None if there is no valid ARN."""
    arn = record.get("eventSourceARN")
    named = _STREAM_ARN.fullmatch(arn) if isinstance(arn, str) else None
    return named[1] if named else None


def _keys(body: Mapping[str, Any], allowed: Allowed) -> str:
    keys = body.get("Keys")
    if not isinstance(keys, dict):
        raise _undecodable("Keys is not an object")
    members = []
    for name in allowed.keys:
        match keys.get(name):
            case {"S": str(text), **others} if not others:
                members.append(f"{quote(name)}:{quote(text)}")
            case _:
                raise _undecodable(f"Keys.{name} is not a string")
    return f"{{{','.join(members)}}}"


def _image(body: Mapping[str, Any], which: str, allowed: Allowed) -> str:
    image = body[which]
    if not isinstance(image, dict):
        raise _undecodable(f"{which} is not an object")
    members = []
    for name in allowed.attributes:
        if name in image:
            try:
                members.append(f"{quote(name)}:{to_json(image[name])}")
            except AttributeFault as fault:
                raise _undecodable(f"{which}.{name}: {fault}") from None
    return f"{{{','.join(members)}}}"


def _committed_at(body: Mapping[str, Any]) -> int:
    seconds = body.get("ApproximateCreationDateTime")
    if isinstance(seconds, bool) or not isinstance(seconds, int | float) or not 0 <= seconds < _YEAR_5138:
        raise _undecodable("ApproximateCreationDateTime is not a number of seconds")
    return int(seconds)


def _is_ttl(record: Mapping[str, Any]) -> bool:
    identity = record.get("userIdentity")
    return isinstance(identity, dict) and (identity.get("type"), identity.get("principalId")) == _TTL


def _has_expired(record: Mapping[str, Any], body: Mapping[str, Any], allowed: Allowed, committed_at: int) -> bool:
    """Returns whether a record without `userIdentity` removes an expired item.

    In a global table, the replicated TTL deletions have no `userIdentity`:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-streams.html
    """
    image = body.get("OldImage")
    if record.get("eventName") != "REMOVE" or record.get("userIdentity") is not None or not isinstance(image, dict):
        return False
    match image.get(allowed.ttl):
        case {"N": str(seconds), **others} if not others and _SECONDS.fullmatch(seconds):
            return 0 <= committed_at - int(seconds) <= _LONGEST_EXPIRED
        case _:
            return False


def _undecodable(error: str) -> RecordFault:
    return RecordFault("undecodable", error)
