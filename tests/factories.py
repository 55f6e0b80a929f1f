"""Changes, items and frames for tests, each with defaults that are a valid scored item."""

from __future__ import annotations

from decimal import Decimal

from streamer.change import Absence, Change, Item, Key, State
from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.window import Window

NOW_MS = 1_795_359_400_000
"""2026-11-22T14:56:40Z."""
KEY = Key("wire:1", "2026-11-22T14:56:00.000Z")


def state(
    label: str = "positive",
    *tickers: str,
    score: str = "0.5",
    confidence: str | None = None,
    source: str | None = "wire",
    updated_at: str | None = None,
) -> State:
    """A visible state; AAPL alone unless tickers are named."""
    return State(
        tuple(sorted(tickers or ("AAPL",))),
        label,
        Decimal(score),
        None if confidence is None else Decimal(confidence),
        source,
        updated_at,
    )


def change(
    after: State | None,
    seq: int,
    *,
    key: Key = KEY,
    before: State | None = None,
    absence: Absence = "deleted",
    committed_at: int = NOW_MS // 1000,
) -> Change:
    """A stream record that leaves the item in the state `after` (or absent)."""
    item = Item(after) if after is not None else Item(None, absence)
    return Change(key, item, before, seq, committed_at)


def hub(run: int = 1, **history: int) -> Hub[str]:
    """A hub as it is at start; its subscribers are names."""
    return Hub(run=run, ledger=Ledger(), history=History(**history), window=Window(NOW_MS))
