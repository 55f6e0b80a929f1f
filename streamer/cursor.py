"""A page of the newest items, and the cursor with which the next page begins.

Pure. The place is kept by label, because the index is: DynamoDB goes on exactly behind an item, also among items of
one timestamp, which it holds in an order of its own. So paging skips nothing and gives nothing twice, whatever comes on
top.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from streamer.change import LABELS, Key, State

MAX_CURSOR: Final = 16_000
"""Characters; three keys as long as keys can be fit."""
_FORM: Final = 1
_NAMES: Final = tuple(sorted(LABELS))


class PageRow(NamedTuple):
    """One item under one of its tickers."""

    key: Key
    state: State
    ticker: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """Behind which item of each label the next page begins."""

    after: Mapping[str, Key]
    """A label that is not here begins with its newest item."""
    ended: frozenset[str] = frozenset()
    """Labels of which nothing follows."""

    def write(self) -> str:
        """As an opaque text of [A-Za-z0-9_-]."""
        places = [0 if label in self.ended else self.after.get(label) for label in _NAMES]
        text = json.dumps([_FORM, *places], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first."""

    rows: Sequence[PageRow]
    more: Cursor | None
    """None: nothing older is there."""


def read_cursor(text: str) -> Cursor:
    """Reads what `write` wrote, and nothing else. ValueError: it is none."""
    if not text.isascii() or len(text) > MAX_CURSOR:
        raise ValueError("no cursor")
    try:
        form, *places = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        after = {label: _key(*place) for label, place in zip(_NAMES, places, strict=True) if isinstance(place, list)}
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("no cursor") from None
    position = Cursor(after, frozenset(label for label, place in zip(_NAMES, places, strict=True) if place == 0))
    if form != _FORM or position.write() != text:
        raise ValueError("no cursor")
    return position


def _key(source_id: object, timestamp: object) -> Key:
    """Anything that can be a key in DynamoDB: the index also holds items that are none of ours."""
    if not isinstance(source_id, str) or not isinstance(timestamp, str):
        raise TypeError
    if not 0 < len(source_id.encode()) <= 2048 or not 0 < len(timestamp.encode()) <= 1024:
        raise ValueError
    return Key(source_id, timestamp)
