"""A page of the newest items, and the cursor of the next page.

Pure. A cursor has one position per label, because the index is partitioned by label. A position is the key of an item:
DynamoDB continues exactly after it, even among items with equal timestamps. So paging neither skips nor repeats an
item, even if newer items are written meanwhile."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from streamer.change import LABELS, Key, State

MAX_CURSOR: Final = 16_000
"""Characters: enough for three keys of maximum length."""
_FORMAT: Final = 1
_LABELS: Final = tuple(sorted(LABELS))


class PageRow(NamedTuple):
    """One item for one of its tickers."""

    key: Key
    state: State
    ticker: str


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position of the next page."""

    after: Mapping[str, Key]
    """The last item of each label on the pages before. A missing label starts with its newest item."""
    ended: frozenset[str] = frozenset()
    """Labels without further items."""

    def write(self) -> str:
        """Encodes the cursor as an opaque text of `[A-Za-z0-9_-]`."""
        positions = [0 if label in self.ended else self.after.get(label) for label in _LABELS]
        text = json.dumps([_FORMAT, *positions], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first."""

    rows: Sequence[PageRow]
    more: Cursor | None
    """Cursor of the next page; None on the last page."""


def read_cursor(text: str) -> Cursor:
    """Decodes a text of `Cursor.write`. Raises ValueError for any other text."""
    if not text.isascii() or len(text) > MAX_CURSOR:
        raise ValueError("not a cursor")
    try:
        version, *positions = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        by_label = dict(zip(_LABELS, positions, strict=True))
        after = {label: _key(*position) for label, position in by_label.items() if isinstance(position, list)}
    except (binascii.Error, ValueError, TypeError, KeyError, RecursionError):
        raise ValueError("not a cursor") from None
    cursor = Cursor(after, frozenset(label for label, position in by_label.items() if position == 0))
    if version != _FORMAT or cursor.write() != text:
        raise ValueError("not a cursor")
    return cursor


def _key(source_id: object, timestamp: object) -> Key:
    """Accepts any key that DynamoDB accepts, because the index may also have items without a valid key."""
    if not isinstance(source_id, str) or not isinstance(timestamp, str):
        raise TypeError
    if not 0 < len(source_id.encode()) <= 2048 or not 0 < len(timestamp.encode()) <= 1024:
        raise ValueError
    return Key(source_id, timestamp)
