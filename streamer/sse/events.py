"""What each event of the stream says. docs/events.md shows one of each, made from these classes.

Times are ISO 8601 UTC with milliseconds. `data()` is one line of JSON with the fields in the order shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import ClassVar, Literal

from streamer.change import Key, State, plain, version
from streamer.sse.encode import frame, quote, to_json

Resume = Literal["fresh", "resumed", "reset"]
ResetReason = Literal["too_old", "future", "malformed", "configuration_changed"]
WithdrawalReason = Literal["deleted", "unscored", "ticker_removed"]
ClosingReason = Literal["drain", "lifetime", "server_busy", "slow", "configuration_gone", "ticket_expired"]


@dataclass(frozen=True, slots=True)
class Event:
    """What all events share: a name and one line of JSON."""

    name: ClassVar[str]

    def data(self) -> str:
        """The event's `data` line."""
        return to_json({field.name: getattr(self, field.name) for field in fields(self)})

    def frame(self, *, place: str | None = None, retry_ms: int | None = None) -> bytes:
        """The event as it goes over the wire."""
        return frame(self.name, self.data(), place=place, retry_ms=retry_ms)


@dataclass(frozen=True, slots=True)
class Connected(Event):
    """First on every stream; without an id, so that a client cut off now asks again from where it was."""

    name = "connected"
    connection_id: str
    tickers: tuple[str, ...] | None
    """The stream's filter; null: every ticker."""
    resume: Resume
    replayed: int
    """How many events of the history follow."""
    mode: str
    """How changes come now: `push`, `poll`, `both` or `down`."""
    retry_ms: int
    heartbeat_seconds: float
    mode_reason: str | None = None
    """Why it is this mode, in words for everybody."""
    mode_since: str | None = None


@dataclass(frozen=True, slots=True)
class Reset(Event):
    """The place asked for is not covered, or the configuration changed: read the snapshot again; what the history has
    follows."""

    name = "reset"
    reason: ResetReason
    tickers: tuple[str, ...] | None = None
    """The stream's from here on, where its configuration changed; else the member is left out."""

    def data(self) -> str:
        """The event's `data` line."""
        named = {} if self.tickers is None else {"tickers": self.tickers}
        return to_json({"reason": self.reason, **named})


@dataclass(frozen=True, slots=True)
class SentimentUpdate(Event):
    """An item's visible state, for one of its tickers."""

    name = "sentiment_update"
    source_id: str
    timestamp: str
    version: str
    ticker: str
    label: str
    score: Decimal
    confidence: Decimal | None
    source: str | None
    updated_at: str | None
    committed_at: str | None
    """By the table's clock, whole seconds; null: learnt by a query."""

    @classmethod
    def of(cls, key: Key, ticker: str, state: State, committed_at: str | None = None) -> SentimentUpdate:
        """What is told of an item in this state to who watches one of its tickers."""
        return cls(
            source_id=key.source_id,
            timestamp=key.timestamp,
            version=version(key, ticker, state),
            ticker=ticker,
            label=state.label,
            score=state.score,
            confidence=state.confidence,
            source=state.source,
            updated_at=state.updated_at,
            committed_at=committed_at,
        )

    def data(self) -> str:
        """The event's `data` line; written out because every change passes here."""
        return (
            f'{{"source_id":{quote(self.source_id)},"timestamp":{quote(self.timestamp)},"version":"{self.version}",'
            f'"ticker":"{self.ticker}","label":"{self.label}","score":{plain(self.score)},'
            f'"confidence":{"null" if self.confidence is None else plain(self.confidence)},'
            f'"source":{"null" if self.source is None else quote(self.source)},'
            f'"updated_at":{"null" if self.updated_at is None else quote(self.updated_at)},'
            f'"committed_at":{"null" if self.committed_at is None else quote(self.committed_at)}}}'
        )


@dataclass(frozen=True, slots=True)
class SentimentWithdrawn(Event):
    """An item has no visible state under this ticker any more."""

    name = "sentiment_withdrawn"
    source_id: str
    timestamp: str
    ticker: str
    reason: WithdrawalReason


@dataclass(frozen=True, slots=True)
class Metrics(Event):
    """Items of the last 24 hours (since `since`, while the window fills)."""

    name = "metrics"
    total: int
    positive: int
    neutral: int
    negative: int
    by_tag: Mapping[str, int]
    """Items by ticker, the 20 largest; all others together under `other`."""
    rate_last_hour: float
    """Items a minute, over the part of the last hour that the window covers."""
    rate_last_24h: float
    since: str
    timestamp: str


@dataclass(frozen=True, slots=True)
class Heartbeat(Event):
    """The stream is alive, and how events reach it now."""

    name = "heartbeat"
    timestamp: str
    connections: int
    uptime_seconds: int
    mode: str
    mode_reason: str | None = None
    mode_since: str | None = None


@dataclass(frozen=True, slots=True)
class Closing(Event):
    """The server is about to end this stream on purpose; come back after `retry_ms`."""

    name = "closing"
    reason: ClosingReason
    retry_ms: int

    def frame(self, *, place: str | None = None, retry_ms: int | None = None) -> bytes:
        """With a `retry:` line that says the same to the browser."""
        return frame(self.name, self.data(), place=place, retry_ms=self.retry_ms)
