"""Who takes in what intake receives and reads: the contract with the hub, which intake never sees. In the event loop;
nothing here blocks."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from streamer.change import Key
from streamer.intake.receive import Decoded

if TYPE_CHECKING:
    from streamer.tables.index import Row


@dataclass(frozen=True, slots=True)
class Observed:
    """What became of rows, or records, that were taken in."""

    read_again: Sequence[Key] = ()
    """Only a consistent read can decide these."""
    fetched: Sequence[Key] = ()
    """Of these the rows brought what push had not."""


class MessageConsumer(Protocol):
    """Takes in messages of the queue."""

    def take(self, messages: Sequence[Decoded]) -> Sequence[Key]:
        """Takes them in, each one for itself: a message that fails is counted and dropped. Returns the items that only
        a consistent read can decide. If it raises, nothing was taken, and they come again."""

    def announce_mode(self) -> None:
        """The mode has changed."""


class RowConsumer(Protocol):
    """Takes in what the table holds."""

    def revision(self) -> int:
        """A clock of what the hub was told: `as_of` of a read that begins now."""

    def observe(self, rows: Sequence[Row], *, began_ms: int, as_of: int, consistent: bool) -> Observed:
        """Takes in what a read found that began at `began_ms`, Unix milliseconds."""

    def missing(self, found: Set[Key], *, since: str, began_ms: int) -> Sequence[Key]:
        """What the hub shows, and a query of everything after `since` should have found and did not."""

    def proved(self, began_ms: int, since_ms: int, fetched: Collection[Key]) -> int:
        """A query is taken in whole. Returns how many of `fetched`, by the one before, push still has not brought."""

    def backfill(self, rows: Sequence[Row], since_ms: int, *, remember: tuple[str, str]) -> bool:
        """Takes in what was there before the start, down to `since_ms`; the hub knows again what is after the first and
        up to the second of `remember`. False: it needs no more."""


class Consumer(MessageConsumer, RowConsumer, Protocol):
    """Takes in both."""
