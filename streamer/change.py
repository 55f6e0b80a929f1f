"""What one change is: an item's key, the state a user sees of it, and the record that brought it.

Pure. Attributes come as plain Python values (str, int, Decimal, list), whether they were read from a change record
or from the table, so that `read_item` is the one place that knows which items are events.
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
"""How long after its timestamp an item may be scored, or change, so that queries of the table answer for it."""
TICKER = re.compile(r"[A-Z0-9.^=-]{1,12}")

Absence = Literal["deleted", "expired", "unscored", "ticker_removed"]
"""Why an item has no visible state: deleted by someone, expired by its TTL, without a (valid) sentiment, or
without any ticker."""


class Key(NamedTuple):
    """An item of the sentiment table: hash key and range key, as the table holds them."""

    source_id: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class State:
    """What a user sees of a scored item. Two items with equal states show the same."""

    tickers: tuple[str, ...]
    """Upper case, sorted, each once, at least one."""
    label: str
    score: Decimal
    """From -1 to 1."""
    confidence: Decimal | None = None
    """From 0 to 1."""
    source: str | None = None
    updated_at: str | None = None
    """ISO 8601 UTC with milliseconds."""

    def shows_like(self, other: State) -> bool:
        """Whether both show the same to somebody who watches one ticker that both have."""
        return (
            self.label == other.label
            and self.score == other.score
            and self.confidence == other.confidence
            and self.source == other.source
            and self.updated_at == other.updated_at
        )


@dataclass(frozen=True, slots=True)
class Item:
    """One reading of an item's attributes: its state, or why it has none."""

    state: State | None
    absence: Absence | None = None
    fault: str | None = None
    """Which rule the item breaks, if it breaks one: `label`, `score`, `confidence`, `tickers`, `source`."""
    ignored_tickers: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One stream record of the sentiment table, as a change record brought it."""

    key: Key
    after: Item
    before: State | None
    """The visible state before, from the old image."""
    seq: int
    """The stream's sequence number: orders the records of one item."""
    committed_at: int
    """Unix seconds, rounded down, by the table's clock."""


PENDING = Item(None, "unscored")
GONE = Item(None, "deleted")
EXPIRED = Item(None, "expired")


def read_key(keys: Mapping[str, object]) -> Key:
    """Reads an item's key. ValueError says which rule it breaks; it never quotes the key."""
    source_id, timestamp = keys.get("source_id"), keys.get("timestamp")
    if not isinstance(source_id, str) or not 0 < len(source_id) <= _LONGEST_KEY or not is_text(source_id):
        raise ValueError(f"keys.source_id is not a text of 1 to {_LONGEST_KEY} characters")
    # is_text too: fromisoformat takes any character between date and time, a lone surrogate included
    if (
        not isinstance(timestamp, str)
        or len(timestamp) > _LONGEST_TIME
        or parse_time(timestamp) is None
        or not is_text(timestamp)
    ):
        raise ValueError("keys.timestamp is not an ISO 8601 time")
    return Key(source_id, timestamp)


def read_item(attributes: Mapping[str, object]) -> Item:
    """Says what a user may see of an item with these attributes.

    An item without `sentiment` is pending. One that breaks a rule (DESIGN, "Data") has no state and names the fault;
    it never raises.
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
    return Item(state, None, None, ignored)


def version(key: Key, ticker: str, state: State) -> str:
    """Names what a user sees of an item under one ticker: 22 characters, the same on every container.

    SHA-256 over the compact UTF-8 JSON array [source_id, timestamp, ticker, label, score, confidence, source,
    updated_at] (numbers as plain decimal text without trailing zeros, what is absent null), its first 128 bits in
    base64url without padding.
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
    """A number as plain decimal text with no digit lost: no exponent, no trailing zeros, no negative zero."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def parse_time(text: str) -> int | None:
    """ISO 8601 to Unix milliseconds; a time without a zone is UTC. None if it is no time, or none that UTC can
    express in the years 1 to 9999."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        since_epoch = moment - _EPOCH
    except (ValueError, OverflowError):
        return None
    return (since_epoch.days * 86_400 + since_epoch.seconds) * 1000 + since_epoch.microseconds // 1000


def is_sortable(timestamp: str) -> bool:
    """Whether a timestamp is written as `iso_time` writes it. Queries compare timestamps as text, so they may not find
    an item whose timestamp is written otherwise (an offset, a space for `T`)."""
    return _SORTABLE.fullmatch(timestamp) is not None


def iso_time(milliseconds: int) -> str:
    """Unix milliseconds to ISO 8601 UTC with milliseconds, as every time on the wire is written."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()}.{rest:03}Z"


def is_text(value: str) -> bool:
    """Whether a string can be sent as UTF-8 (a lone surrogate cannot)."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


_EPOCH = datetime.fromtimestamp(0, UTC)
_SORTABLE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z")
_FINEST = -168  # DynamoDB: 38 digits from 1E-130 on. A finer exponent is not from a table, and would be written out
_LONGEST_KEY = 2048  # bytes of a hash key in DynamoDB, so no more characters
_LONGEST_TIME = 64
_LONGEST_SOURCE = 2048
_MOST_TICKERS = 100


def _number(value: object, lowest: int) -> Decimal | None:
    """The value as a number from `lowest` to 1, or None."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    number = Decimal(value)
    if not number.is_finite() or not lowest <= number <= 1:
        return None
    exponent = number.as_tuple().exponent
    if not isinstance(exponent, int) or exponent < _FINEST:
        return None
    return number if number else Decimal(0)


def _tickers(attributes: Mapping[str, object]) -> tuple[tuple[str, ...], int]:
    """The valid tickers, at most 100 of them, and how many were ignored."""
    listed = attributes.get("matched_tickers")
    named = listed if isinstance(listed, list) and listed else [attributes.get("ticker")]
    named = [name for name in named if name is not None]
    valid = {
        upper for name in named if isinstance(name, str) and name.isascii() and TICKER.fullmatch(upper := name.upper())
    }
    ignored = sum(1 for name in named if not isinstance(name, str) or name.upper() not in valid)
    kept = sorted(valid)[:_MOST_TICKERS]
    return tuple(kept), ignored + len(valid) - len(kept)
