"""The consumer of messages and table reads: intake's contract with the publisher. Called in the event loop; no method
blocks."""

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
    """The result of a table read."""

    read_again: Sequence[Key] = ()
    """Items whose state is unknown until a consistent read."""
    fetched: Sequence[Key] = ()
    """Items with changes that the read published, because push had not."""


class MessageConsumer(Protocol):
    """Consumes messages of the queue."""

    def take(self, messages: Sequence[Decoded]) -> Sequence[Key]:
        """Publishes the changes of the messages. A message that fails is counted and dropped. Returns the items whose
        state is unknown until a consistent read. If it raises, no message is deleted, and SQS delivers them again."""

    def announce_mode(self) -> None:
        """Called after the mode has changed."""


class RowConsumer(Protocol):
    """Consumes table reads."""

    def revision(self) -> int:
        """Returns the revision of the hub's state: `as_of` of a read that begins now."""

    def observe(self, rows: Sequence[Row], *, began_ms: int, as_of: int, consistent: bool) -> Observed:
        """Publishes the items of a read that began at `began_ms`, Unix milliseconds."""

    def missing(self, found: Set[Key], *, since: str, began_ms: int) -> Sequence[Key]:
        """Returns the published items that a query of everything after `since` should have returned and did not."""

    def proved(self, began_ms: int, since_ms: int, fetched: Collection[Key]) -> int:
        """Called after a complete query. Returns how many items of `fetched`, from the previous query, push has not
        brought."""

    def backfill(self, rows: Sequence[Row], since_ms: int, *, remember: tuple[str, str]) -> bool:
        """Applies items from before the start, down to `since_ms`. The hub stores those after the first and up to the
        second of `remember`. Returns False if it needs no more."""


class Consumer(MessageConsumer, RowConsumer, Protocol):
    """Consumes both."""
