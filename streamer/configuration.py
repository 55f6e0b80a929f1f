"""One user's configuration: a name and the tickers that its stream shows.

Pure. `read_configuration` takes plain attributes, whether a change record or the users table brought them, so that it
is the one place that knows what a foreign writer's item means.
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
"""Of one user."""
CONFIG_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
STORED: Final = ("name", "tickers", "status", "revision")
"""The attributes that are a configuration's content; whatever else an item has is left alone."""
SINCE: Final = "tickers_since"
"""The attribute that says since when the tickers are these; see `since`."""


class NameTaken(StreamerError):
    """Another configuration of this user has this name."""


class TooMany(StreamerError):
    """This user has as many configurations as there may be."""


class Mismatch(StreamerError):
    """The configuration is not what the writer believes it to be: somebody else was first."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """As it stands in the table."""

    user_id: str
    config_id: str
    name: str
    tickers: tuple[str, ...]
    """Upper case, each once, in the user's order, at most 5; none only where a foreign writer left none valid."""
    status: Status
    etag: str
    """An entity tag with its quotes (RFC 9110, 8.8.3): it names the stored content, whoever wrote it."""
    changed_ms: int | None = None
    """When its tickers became these, Unix milliseconds; None: who wrote them did not say."""

    @property
    def shows(self) -> frozenset[str] | None:
        """The tickers of its stream; None: it has none."""
        return frozenset(self.tickers) if self.status == "active" else None


@dataclass(frozen=True, slots=True)
class Notice:
    """What the users table's stream tells of one configuration."""

    user_id: str
    config_id: str
    shows: frozenset[str] | None
    """As Configuration.shows; None also where it is deleted."""
    seq: int
    """Orders what is told of one configuration."""
    committed_at: int
    """Unix seconds, cut off."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a new configuration is to be."""

    name: str
    tickers: tuple[str, ...]
    status: Status = "active"


@dataclass(frozen=True, slots=True)
class Edit:
    """What is to be different; None: as it is."""

    name: str | None = None
    tickers: tuple[str, ...] | None = None
    status: Status | None = None


def read_configuration(user_id: str, config_id: str, attributes: Mapping[str, object]) -> Configuration:
    """Reads an item's plain attributes; never raises for what others wrote.

    Tickers that are none are left out, as are those beyond the fifth. What is not plainly active is disabled: a status
    that is unknown, or no ticker at all.
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
    """The attribute `tickers_since` of a configuration whose tickers become these now. It repeats them, in order of the
    alphabet: a writer that changes them and knows nothing of it leaves one that is seen not to speak of them."""
    return f"{now_ms} {','.join(sorted(tickers))}"


def _changed_ms(stored: object, tickers: Sequence[str]) -> int | None:
    when, _, of = stored.partition(" ") if isinstance(stored, str) else ("", "", "")
    known = of == ",".join(sorted(tickers)) and re.fullmatch("[0-9]{1,14}", when)
    return int(when) if known else None


def read_tickers(value: object) -> tuple[str, ...]:
    """The valid ones of a list, upper case, each once, at most 5."""
    named = value if isinstance(value, list) else []
    valid = (name.upper() for name in named if isinstance(name, str) and name.isascii())
    return tuple(dict.fromkeys(name for name in valid if TICKER.fullmatch(name)))[:MAX_TICKERS]


def etag(attributes: Mapping[str, object]) -> str:
    """Names the content as it is stored. A writer that knows nothing of `revision` changes it all the same."""
    content = [attributes.get(name) for name in STORED]
    text = json.dumps(content, default=lambda value: plain(value) if isinstance(value, Decimal) else repr(value))
    return f'"{base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()[:16]).decode("ascii").rstrip("=")}"'


def normalised(name: str) -> str:
    """Names that people take for the same are the same: width, case and spaces do not count."""
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).split())
