"""A page of the newest items, and the cursor of the next page.

Pure. A cursor has up to two kinds of positions, and with both paging neither skips nor repeats an item, even if newer
items are written meanwhile:

- Pages from the table have one position per label, because the index is partitioned by label. A position is the key of
  an item: DynamoDB continues exactly after it, even among items with equal timestamps, whose order is its own.
- Pages from a container's memory have one position in the order of timestamp and source_id, both descending. Where
  the memory ends, the pages of the table begin after it. Later cursors keep it, for labels without a position.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from streamer.change import LABELS, Key, State

MAX_CURSOR: Final = 20_000
"""Characters: enough for four keys of maximum length."""
_FORMAT: Final = 1
_FORMAT_WITH_BEFORE: Final = 2  # the position in the memory's order is the second element
_LABELS: Final = tuple(sorted(LABELS))


class Before(NamedTuple):
    """A position in the memory's order: items after it are less, as tuples of timestamp and source_id."""

    timestamp: str
    source_id: str | None
    """The last item of this timestamp on the pages before; None: no item of this timestamp."""

    @property
    def bound(self) -> tuple[str] | tuple[str, str]:
        """A tuple that is greater than the tuples of the items after the position, and of no others."""
        return (self.timestamp + "\0",) if self.source_id is None else (self.timestamp, self.source_id)

    def passed(self, key: Key) -> bool:
        """Returns whether an item is before the position."""
        return (key.timestamp, key.source_id) >= self.bound


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
    before: Before | None = None
    """The position in the memory's order; None if the first page was read from the table."""

    @property
    def is_in_memory(self) -> bool:
        """Whether no page was read from the table yet."""
        return not self.after and not self.ended

    def write(self) -> str:
        """Encodes the cursor as an opaque text of `[A-Za-z0-9_-]`."""
        positions = [0 if label in self.ended else self.after.get(label) for label in _LABELS]
        head = [_FORMAT] if self.before is None else [_FORMAT_WITH_BEFORE, self.before]
        text = json.dumps([*head, *positions], separators=(",", ":"), ensure_ascii=False)
        return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


@dataclass(frozen=True, slots=True)
class Page:
    """Rows, newest first."""

    rows: Sequence[PageRow]
    more: Cursor | None
    """Cursor of the next page; None on the last page."""
    as_of: str | None = None
    """The place in the stream whose state the page shows; None if the page was read from the table."""


def read_cursor(text: str) -> Cursor:
    """Decodes a text of `Cursor.write`. Raises ValueError for any other text."""
    if not text.isascii() or len(text) > MAX_CURSOR:
        raise ValueError("not a cursor")
    try:
        version, *positions = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
        before = _before(*positions.pop(0)) if version == _FORMAT_WITH_BEFORE else None
        by_label = dict(zip(_LABELS, positions, strict=True))
        after = {label: _key(*position) for label, position in by_label.items() if isinstance(position, list)}
    except (binascii.Error, ValueError, TypeError, KeyError, IndexError, RecursionError):
        raise ValueError("not a cursor") from None
    cursor = Cursor(after, frozenset(label for label, position in by_label.items() if position == 0), before)
    if version not in (_FORMAT, _FORMAT_WITH_BEFORE) or cursor.write() != text:
        raise ValueError("not a cursor")
    if before is not None and any(key.timestamp > before.timestamp for key in after.values()):
        raise ValueError("not a cursor")  # DynamoDB would reject it
    return cursor


def _before(timestamp: object, source_id: object) -> Before:
    key = _key("-" if source_id is None else source_id, timestamp)
    return Before(key.timestamp, None if source_id is None else key.source_id)


def _key(source_id: object, timestamp: object) -> Key:
    """Accepts any key that DynamoDB accepts, because the index may also have items without a valid key."""
    if not isinstance(source_id, str) or not isinstance(timestamp, str):
        raise TypeError
    if not 0 < len(source_id.encode()) <= 2048 or not 0 < len(timestamp.encode()) <= 1024:
        raise ValueError
    return Key(source_id, timestamp)
