"""The events of the stream. docs/events.md has an example of each, generated from these classes.

Times are ISO 8601 UTC with milliseconds. `data()` is one line of JSON with the fields in the order of the class.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import ClassVar, Literal

from streamer.change import Key, State, plain, version
from streamer.sse.encode import frame, quote, to_json

Resume = Literal["fresh", "resumed", "reset"]
ResetReason = Literal["too_old", "future", "malformed", "configuration_changed", "began_later"]
WithdrawalReason = Literal["deleted", "unscored", "ticker_removed"]
ClosingReason = Literal["drain", "lifetime", "server_busy", "slow", "configuration_gone", "ticket_expired"]


@dataclass(frozen=True, slots=True)
class Event:
    """Base class: a name and one line of JSON."""

    name: ClassVar[str]

    def data(self) -> str:
        """Returns the value of the `data` field."""
        return to_json({field.name: getattr(self, field.name) for field in fields(self)})

    def frame(self, *, place: str | None = None, retry_ms: int | None = None) -> bytes:
        """Returns the encoded event. `place`: its `id`."""
        return frame(self.name, self.data(), place=place, retry_ms=retry_ms)


@dataclass(frozen=True, slots=True)
class Connected(Event):
    """The first event of every stream. It has no id, so that a client that is disconnected before the replay resumes
    from its old id."""

    name = "connected"
    connection_id: str
    tickers: tuple[str, ...] | None
    """The stream's tickers; null: all tickers."""
    resume: Resume
    replayed: int
    """Number of events of the history that follow."""
    mode: str
    """`push`, `poll`, `both` or `down`."""
    retry_ms: int
    heartbeat_seconds: float
    mode_reason: str | None = None
    """Reason of the mode, for people."""
    mode_since: str | None = None


@dataclass(frozen=True, slots=True)
class Reset(Event):
    """The stream cannot resume after the requested id, or the configuration changed. The client reads the snapshot
    again; the events of the history follow."""

    name = "reset"
    reason: ResetReason
    tickers: tuple[str, ...] | None = None
    """The new tickers if the configuration changed, else the member is missing."""

    def data(self) -> str:
        """Returns the value of the `data` field."""
        members = {} if self.tickers is None else {"tickers": self.tickers}
        return to_json({"reason": self.reason, **members})


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
    """Time of the stream record, in whole seconds; null if the state was read by a query."""

    @classmethod
    def of(cls, key: Key, ticker: str, state: State, committed_at: str | None = None) -> SentimentUpdate:
        """Returns the event for an item's state and one of its tickers."""
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
        """Returns the value of the `data` field. Not by `to_json`, which is slower, because every change is encoded
        here."""
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
    """An item is no longer shown for this ticker."""

    name = "sentiment_withdrawn"
    source_id: str
    timestamp: str
    ticker: str
    reason: WithdrawalReason


@dataclass(frozen=True, slots=True)
class Metrics(Event):
    """Counts of the items of the last 24 hours; after a start, since `since`."""

    name = "metrics"
    total: int
    positive: int
    neutral: int
    negative: int
    by_tag: Mapping[str, int]
    """Number of items by ticker: the 20 largest, and `other` for all others."""
    rate_last_hour: float
    """Items per minute, for the part of the last hour after `since`."""
    rate_last_24h: float
    since: str
    timestamp: str
    by_ticker: Mapping[str, Mapping[str, int | Decimal]] | None = None
    """For each ticker that `by_tag` names: `positive`, `neutral` and `negative` items, and their `mean` score, rounded
    to six decimal places. None if the server is older than this member."""


@dataclass(frozen=True, slots=True)
class Heartbeat(Event):
    """Sent periodically, with the current mode."""

    name = "heartbeat"
    timestamp: str
    connections: int
    uptime_seconds: int
    mode: str
    mode_reason: str | None = None
    mode_since: str | None = None


@dataclass(frozen=True, slots=True)
class Closing(Event):
    """The server ends this stream. The client reconnects after `retry_ms`. The id is the client's place, for clients
    that lose theirs at an event without id."""

    name = "closing"
    reason: ClosingReason
    retry_ms: int

    def frame(self, *, place: str | None = None, retry_ms: int | None = None) -> bytes:
        """Returns the encoded event with a `retry:` line, which sets the reconnection time of a browser."""
        return frame(self.name, self.data(), place=place, retry_ms=self.retry_ms)
