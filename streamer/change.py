"""One change of the sentiment table: an item's key, the state that users see, and the stream record.

Pure. Attributes are plain Python values (str, int, Decimal, list), from a change record or from the table. Only
`read_item` decides which items are visible.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from json.encoder import encode_basestring as quote
from typing import Literal, NamedTuple

LABELS = frozenset({"positive", "neutral", "negative"})
LATENESS_MS = 120_000
"""Time after an item's timestamp in which queries of the table find each of its changes."""
TICKER = re.compile(r"[A-Z0-9.^=-]{1,12}")

Absence = Literal["deleted", "expired", "unscored", "ticker_removed"]
"""Why an item has no visible state: it was deleted, was deleted by TTL, has no valid sentiment, or has no ticker."""


class Key(NamedTuple):
    """Hash key and range key of an item of the sentiment table."""

    source_id: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class State:
    """The visible attributes of a scored item."""

    tickers: tuple[str, ...]
    """Upper case, sorted, unique, at least one."""
    label: str
    score: Decimal
    """From -1 to 1."""
    confidence: Decimal | None = None
    """From 0 to 1."""
    source: str | None = None
    updated_at: str | None = None
    """ISO 8601 UTC with milliseconds."""

    def shows_like(self, other: State) -> bool:
        """Whether both states are the same for a client that shows one of their common tickers."""
        return (
            self.label == other.label
            and self.score == other.score
            and self.confidence == other.confidence
            and self.source == other.source
            and self.updated_at == other.updated_at
        )


@dataclass(frozen=True, slots=True)
class Item:
    """The parsed attributes of an item: its state, or why it has none."""

    state: State | None
    absence: Absence | None = None
    fault: str | None = None
    """The rule that the item violates: `label`, `score`, `confidence`, `tickers`, `source`; None: no rule."""
    ignored_tickers: int = 0
    expires_at: int | None = None
    """Unix seconds after which the table's TTL deletes it (`ttl_timestamp`). None: never, or the source does not say
    it, as change records and an index that does not project it."""


@dataclass(frozen=True, slots=True)
class Change:
    """One stream record of the sentiment table, from a change record of the relay."""

    key: Key
    after: Item
    before: State | None
    """The state in the old image."""
    seq: int
    """Sequence number of the stream: it orders the records of one item."""
    committed_at: int
    """ApproximateCreationDateTime: Unix seconds, rounded down."""


PENDING = Item(None, "unscored")
GONE = Item(None, "deleted")
EXPIRED = Item(None, "expired")


def read_key(keys: Mapping[str, object]) -> Key:
    """Reads an item's key. Raises ValueError with the violated rule, without the key."""
    source_id, timestamp = keys.get("source_id"), keys.get("timestamp")
    if not isinstance(source_id, str) or not 0 < len(source_id) <= _LONGEST_KEY or not is_text(source_id):
        raise ValueError(f"keys.source_id is not a text of 1 to {_LONGEST_KEY} characters")
    # is_text is needed: fromisoformat accepts any character between date and time, even a lone surrogate
    if (
        not isinstance(timestamp, str)
        or len(timestamp) > _LONGEST_TIME
        or parse_time(timestamp) is None
        or not is_text(timestamp)
    ):
        raise ValueError("keys.timestamp is not an ISO 8601 time")
    return Key(source_id, timestamp)


def read_item(attributes: Mapping[str, object]) -> Item:
    """Parses an item's attributes. Never raises.

    An item without `sentiment` is pending. An item that violates a rule has no state, and a fault.
    """
    label = attributes.get("sentiment")
    if label is None:
        return PENDING
    if not isinstance(label, str) or label not in LABELS:
        return Item(None, "unscored", "label")
    score = _number(attributes.get("score"), -1)
    if score is None:
        return Item(None, "unscored", "score")
    confidence = attributes.get("confidence")
    if confidence is not None:
        confidence = _number(confidence, 0)
        if confidence is None:
            return Item(None, "unscored", "confidence")
    tickers, ignored = _tickers(attributes)
    if not tickers:
        return Item(None, "ticker_removed", "tickers", ignored)
    source = attributes.get("source")
    if not isinstance(source, str):
        source = None
    elif len(source) > _LONGEST_SOURCE or not is_text(source):
        return Item(None, "unscored", "source", ignored)
    updated_at = attributes.get("updated_at")
    moment = parse_time(updated_at) if isinstance(updated_at, str) else None
    state = State(tickers, label, score, confidence, source, None if moment is None else iso_time(moment))
    return Item(state, None, None, ignored, _expires_at(attributes))


def version(key: Key, ticker: str, state: State) -> str:
    """Returns the version of an item's state for one ticker: 22 characters, equal for equal states on every container.

    It is the first 128 bits, in base64url without padding, of SHA-256 over the compact UTF-8 JSON array [source_id,
    timestamp, ticker, label, score, confidence, source, updated_at]. Numbers are plain decimal text without trailing
    zeros; missing values are null.
    """
    text = (
        f"[{quote(key.source_id)},{quote(key.timestamp)},{quote(ticker)},{quote(state.label)},{plain(state.score)},"
        f"{'null' if state.confidence is None else plain(state.confidence)},"
        f"{'null' if state.source is None else quote(state.source)},"
        f"{'null' if state.updated_at is None else quote(state.updated_at)}]"
    )
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode("ascii").rstrip("=")


def plain(number: Decimal) -> str:
    """Formats a number as decimal text with all digits: no exponent, no trailing zeros, no negative zero."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def parse_time(text: str) -> int | None:
    """Converts ISO 8601 to Unix milliseconds. A time without a time zone is UTC. None if the text is not a time, or the
    time in UTC is not in the years 1 to 9999."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        since_epoch = moment - _EPOCH
    except (ValueError, OverflowError):
        return None
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 1000 + since_epoch.microseconds // 1000


def is_sortable(timestamp: str) -> bool:
    """Whether a timestamp has the format of `iso_time`. Queries compare timestamps as text, so they may miss an item
    whose timestamp has another format (an offset, a space instead of `T`)."""
    return _SORTABLE.fullmatch(timestamp) is not None


def iso_time(milliseconds: int) -> str:
    """Converts Unix milliseconds to ISO 8601 UTC with milliseconds, the format of every time in an event."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()}.{rest:03}Z"


def is_text(value: str) -> bool:
    """Whether a string can be encoded as UTF-8 (a lone surrogate cannot)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_EPOCH = datetime.fromtimestamp(0, UTC)
_SORTABLE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_MIN_EXPONENT = -168  # DynamoDB: 1E-130 with 38 digits. `plain` would write a smaller one with any number of zeros
_LONGEST_KEY = 2048  # characters; a hash key of DynamoDB has at most as many bytes
_LONGEST_TIME = 64
_LONGEST_SOURCE = 2048
_MAX_TICKERS = 100
_YEAR_5138 = 100_000_000_000  # seconds; a larger number is in milliseconds, which TTL ignores


def _number(value: object, lowest: int) -> Decimal | None:
    """Returns the value if it is a number from `lowest` to 1, else None."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite() or not lowest <= number <= 1:
        return None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < _MIN_EXPONENT:
        return None
    return number if number else Decimal(0)


def _expires_at(attributes: Mapping[str, object]) -> int | None:
    seconds = attributes.get("ttl_timestamp")
    if isinstance(seconds, bool) or not isinstance(seconds, int | Decimal):
        return None
    number = Decimal(seconds)
    return int(number) if number.is_finite() and 0 <= number < _YEAR_5138 else None


def _tickers(attributes: Mapping[str, object]) -> tuple[tuple[str, ...], int]:
    """Returns at most 100 valid tickers, and the number of ignored ones."""
    listed = attributes.get("matched_tickers")
    named = listed if isinstance(listed, list) and listed else [attributes.get("ticker")]
    named = [name for name in named if name is not None]
    valid = {
        upper for name in named if isinstance(name, str) and name.isascii() and TICKER.fullmatch(upper := name.upper())
    }
    ignored = sum(1 for name in named if not isinstance(name, str) or name.upper() not in valid)
    kept = sorted(valid)[:_MAX_TICKERS]
    return tuple(kept), ignored + len(valid) - len(kept)
