"""A hub that Poll fills, and what it was told."""

from __future__ import annotations

from collections.abc import Collection, Sequence, Set

from streamer.change import Key
from streamer.hub.hub import Hub
from streamer.intake.consumer import Observed
from streamer.tables.index import Row
from tests.factories import NOW_MS, hub


class FakeConsumer:
    """Conforms to RowConsumer, with a real hub behind it."""

    def __init__(self) -> None:
        self.hub: Hub[str] = hub()
        self.now_ms = NOW_MS
        self.chunks: list[tuple[int, bool]] = []
        """Of each `observe`: how many rows, and whether they were read consistently."""
        self.proofs: list[tuple[int, int, list[Key]]] = []
        """What each query was said to have proved: when it began, since when, and what the one before it fetched."""
        self.learnt: list[tuple[list[Key], int]] = []
        self.trouble: list[Exception] = []
        """What the next calls come to."""

    def revision(self) -> int:
        return self.hub.ledger.revision

    def observe(self, rows: Sequence[Row], *, began_ms: int, as_of: int, consistent: bool) -> Observed:
        self._fail()
        self.chunks.append((len(rows), consistent))
        outcome = self.hub.observe(rows, began_ms=began_ms, as_of=as_of, consistent=consistent, now_ms=self.now_ms)
        return Observed(outcome.read_again, outcome.fetched)

    def missing(self, found: Set[Key], *, since: str, began_ms: int) -> Sequence[Key]:
        return self.hub.missing(found, since=since, began_ms=began_ms)

    def proved(self, began_ms: int, since_ms: int, fetched: Collection[Key]) -> int:
        self.hub.proved(began_ms, since_ms, ended_ms=self.now_ms)
        self.proofs.append((began_ms, since_ms, list(fetched)))
        return sum(1 for key in fetched if not self.hub.ledger.confirmed(key))

    def backfill(self, rows: Sequence[Row], since_ms: int, *, remember: tuple[str, str]) -> bool:
        self._fail()
        self.learnt.append(([key for key, _ in rows], since_ms))
        return self.hub.backfill(rows, since_ms, remember=remember, now_ms=self.now_ms)

    def shown(self) -> set[Key]:
        """Of which items events were published."""
        return {key for key in self.hub.ledger._entries if self.hub.ledger.published_state(key)}

    def _fail(self) -> None:
        if self.trouble:
            raise self.trouble.pop(0)
