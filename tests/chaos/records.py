"""What one client lived through. Plain values, so that the account is a function of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from streamer.change import Key


class Delivery(NamedTuple):
    """One sentiment event that was dispatched; `version` is None for a withdrawal. Times in Unix seconds."""

    at: float
    container: int
    key: Key
    ticker: str
    version: str | None
    applied: bool


class Shown(NamedTuple):
    """What the client shows of an item under a ticker from now on; None: nothing."""

    at: float
    key: Key
    ticker: str
    version: str | None


class Span(NamedTuple):
    """One connection."""

    container: int
    opened: float
    closed: float
    resume: str
    """`fresh`, `resumed` or `reset`, or what went wrong before any of them was said."""
    ended: str
    """By whom or why."""
    replayed: int = 0
    behind: float | None = None
    """How old the place was that it resumed from, in seconds; None: it had none."""


class Anew(NamedTuple):
    """The client began anew from a snapshot: what it had last came at `away`, the snapshot was read until `at`."""

    away: float
    at: float
    reason: str


@dataclass(slots=True)
class Record:
    """Everything of one client."""

    number: int
    tickers: frozenset[str] | None
    """Its filter; None: every ticker."""
    opened: float | None = None
    """When its first stream was open and its first snapshot read."""
    deliveries: list[Delivery] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    spans: list[Span] = field(default_factory=list)
    anew: list[Anew] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    """What it cannot make sense of."""

    def wants(self, ticker: str) -> bool:
        """Whether its filter lets a ticker pass."""
        return self.tickers is None or ticker in self.tickers
