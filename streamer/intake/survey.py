"""Who takes in what the table holds: the contract between the thread that reads and the hub that it never sees."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from streamer.change import Key

if TYPE_CHECKING:
    from streamer.tables.sentiment import Row


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of rows that were handed over."""

    read_again: Sequence[Key] = ()
    """Only a consistent read can decide these."""
    fetched: Sequence[Key] = ()
    """Of these the rows brought what push had not."""


class Survey(Protocol):
    """Who takes in what the table holds. Called by the polling thread; each call blocks until the hub has it."""

    def revision(self) -> int:
        """A clock of what the hub has been told: `as_of` of a read that begins now."""

    def observe(self, rows: Sequence[Row], *, began_ms: int, as_of: int, consistent: bool) -> Taken:
        """Takes in what a read found."""

    def vanished(self, found: Set[Key], *, since: str, began_ms: int) -> Sequence[Key]:
        """What the hub shows, and a query of everything after `since` should have found and did not."""

    def proved(self, began_ms: int, since_ms: int, fetched: Collection[Key]) -> int:
        """A query is taken in whole. Returns how many of `fetched`, by the one before, push still has not brought."""

    def learn(self, rows: Sequence[Row], since_ms: int, *, remember: tuple[str, str]) -> bool:
        """What was there before the start, down to `since_ms`; the hub knows again what is after the first and up to
        the second of `remember`. False: enough."""


@dataclass(frozen=True, slots=True)
class Spans:
    """How far back, in seconds of items' timestamps."""

    lookback: float = 180
    catchup: float = 3_600
    """0: there is no return to push."""
    window: float = 86_400
    """For the counts, after the start; at least the catch-up."""
