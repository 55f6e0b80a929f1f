"""Filters events by what the stream has no parameter for: label, score and source."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from streamer.client import Unknown
from streamer.sse.events import Event, SentimentUpdate, SentimentWithdrawn
from streamer.tools.terminal.errors import UsageError

_LABELS: Final = ("positive", "neutral", "negative")
_MOST_SHOWN: Final = 10_000
"""Items that are remembered, to show their withdrawals."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an update must have; empty or None: anything."""

    labels: frozenset[str] = frozenset()
    min_score: Decimal | None = None
    sources: frozenset[str] = frozenset()
    """In lower case."""

    @property
    def everything(self) -> bool:
        """Whether each update passes."""
        return not self.labels and self.min_score is None and not self.sources

    def passes(self, update: SentimentUpdate) -> bool:
        """Returns whether the update has all of it."""
        return (
            (not self.labels or update.label in self.labels)
            and (self.min_score is None or update.score >= self.min_score)
            and (not self.sources or (update.source or "").lower() in self.sources)
        )


class ItemFilter:
    """Passes wanted updates, the withdrawals of items that passed, and all events that are not about an item."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._shown: OrderedDict[tuple[str, str, str], None] = OrderedDict()

    def passes(self, event: Event | Unknown) -> bool:
        """Returns whether to show the event."""
        if self._wanted.everything or not isinstance(event, SentimentUpdate | SentimentWithdrawn):
            return True
        key = (event.source_id, event.timestamp, event.ticker)
        if isinstance(event, SentimentWithdrawn):
            was_shown = key in self._shown
            self._shown.pop(key, None)
            return was_shown
        if not self._wanted.passes(event):
            return False
        self._shown[key] = None
        self._shown.move_to_end(key)
        if len(self._shown) > _MOST_SHOWN:
            self._shown.popitem(last=False)
        return True


def read_wanted(label: str | None, min_score: float | None, sources: Iterable[str] | None) -> Wanted:
    """Parses `--label`, `--min-score` and `--source`. Raises UsageError."""
    labels = frozenset(part.strip().lower() for part in (label or "").split(",") if part.strip())
    if label is not None and (not labels or labels - set(_LABELS)):
        raise UsageError(f"--label={label!r}: unknown; give {', '.join(_LABELS[:-1])} or {_LABELS[-1]}, or several")
    return Wanted(
        labels,
        None if min_score is None else Decimal(str(min_score)),
        frozenset(source.strip().lower() for source in sources or ()),
    )
