"""A user's configuration: a name and the tickers of its stream.

Pure. Attributes are plain values, from a change record or from the users table. Only `read_configuration` interprets
items that other programs wrote.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from streamer.change import TICKER, is_text, plain
from streamer.errors import StreamerError

Status = Literal["active", "disabled"]

MAX_TICKERS: Final = 5
MAX_NAME: Final = 80
"""Characters."""
MAX_CONFIGURATIONS: Final = 50
"""Per user."""
CONFIG_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
STORED: Final = ("name", "tickers", "status", "revision")
"""The attributes of a configuration's content. Other attributes of an item are not changed."""
SINCE: Final = "tickers_since"
"""The attribute with the time of the last change of the tickers, as `since` writes it."""


class NameTaken(StreamerError):
    """Another configuration of the user has the name."""


class TooMany(StreamerError):
    """The user has the maximum number of configurations."""


class Mismatch(StreamerError):
    """The ETag does not match: the configuration was changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """A configuration as stored in the table."""

    user_id: str
    config_id: str
    name: str
    tickers: tuple[str, ...]
    """Upper case, unique, in the user's order, at most 5. Empty only if another program stored no valid ticker."""
    status: Status
    etag: str
    """Entity tag of the stored content, with its quotes (RFC 9110, 8.8.3)."""
    changed_ms: int | None = None
    """Time of the last change of the tickers (Unix milliseconds); None: the writer did not store it."""

    @property
    def shows(self) -> frozenset[str] | None:
        """The tickers of the configuration's stream; None if it is disabled and has no stream."""
        return frozenset(self.tickers) if self.status == "active" else None


@dataclass(frozen=True, slots=True)
class Notice:
    """A stream record of the users table for one configuration."""

    user_id: str
    config_id: str
    shows: frozenset[str] | None
    """As `Configuration.shows`; None also if the configuration was deleted."""
    seq: int
    """Sequence number: it orders the records of one configuration."""
    committed_at: int
    """Unix seconds, rounded down."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A new configuration."""

    name: str
    tickers: tuple[str, ...]
    status: Status = "active"


@dataclass(frozen=True, slots=True)
class Edit:
    """The members to change; None: unchanged."""

    name: str | None = None
    tickers: tuple[str, ...] | None = None
    status: Status | None = None


def read_configuration(user_id: str, config_id: str, attributes: Mapping[str, object]) -> Configuration:
    """Parses an item's plain attributes. Never raises.

    Invalid tickers, and tickers after the fifth, are ignored. A configuration without a ticker, or with an unknown
    status, is disabled.
    """
    name = attributes.get("name")
    tickers = read_tickers(attributes.get("tickers"))
    return Configuration(
        user_id,
        config_id,
        name if isinstance(name, str) and is_text(name) else "",
        tickers,
        "active" if attributes.get("status") == "active" and tickers else "disabled",
        etag(attributes),
        _changed_ms(attributes.get(SINCE), tickers),
    )


def since(tickers: Sequence[str], now_ms: int) -> str:
    """Returns the attribute `tickers_since` for a change of the tickers at `now_ms`. It contains the sorted tickers, so
    that it is ignored after another program has changed the tickers without updating it."""
    return f"{now_ms} {','.join(sorted(tickers))}"


def _changed_ms(stored: object, tickers: Sequence[str]) -> int | None:
    when, _, stored_tickers = stored.partition(" ") if isinstance(stored, str) else ("", "", "")
    valid = stored_tickers == ",".join(sorted(tickers)) and re.fullmatch("[0-9]{1,14}", when)
    return int(when) if valid else None


def read_tickers(value: object) -> tuple[str, ...]:
    """Returns the valid tickers of a list: upper case, unique, at most 5."""
    named = value if isinstance(value, list) else []
    valid = (name.upper() for name in named if isinstance(name, str) and name.isascii())
    return tuple(dict.fromkeys(name for name in valid if TICKER.fullmatch(name)))[:MAX_TICKERS]


def etag(attributes: Mapping[str, object]) -> str:
    """Returns the entity tag of the stored content: it changes also if a writer does not increase `revision`."""
    content = [attributes.get(name) for name in STORED]
    text = json.dumps(content, default=lambda value: plain(value) if isinstance(value, Decimal) else repr(value))
    return f'"{base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode("ascii").rstrip("=")}"'


def normalised(name: str) -> str:
    """Returns the form in which names are compared: character width, case and spaces are ignored."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())
