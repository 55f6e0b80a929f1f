"""Formats an event as one aligned line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final, TypeGuard

from streamer.change import parse_time
from streamer.client import Received, Unknown
from streamer.sse.events import Event, Heartbeat, Metrics, SentimentUpdate, SentimentWithdrawn
from streamer.tools.terminal.printable import printable

_GREEN, _RED, _YELLOW, _CYAN, _DIM = "32", "31", "33", "36", "2"
_LABELS: Final = {"positive": ("▲", _GREEN), "neutral": ("●", _YELLOW), "negative": ("▼", _RED)}
_WIDEST: Final = {"ticker": 12, "source": 20}


def late_ms(received: Received) -> int | None:
    """Returns the milliseconds from the write of this version to its receipt; None if unknown, or if it was replayed.

    The time of the write is `updated_at` (the writer's clock), else the table's time in whole seconds.
    """
    event = received.event
    if received.replayed or not isinstance(event, SentimentUpdate):
        return None
    written = parse_time(event.updated_at or event.committed_at or "")
    return None if written is None else received.at - written


class EventFormatter:
    """Formats lines. A column grows with its content. `zone`: None for the local time zone."""

    def __init__(self, *, colour: bool, zone: tzinfo | None = None, summary: bool = False) -> None:
        """`summary`: below the counts of `metrics` stands a line for each ticker."""
        self._colour = colour
        self._summary = summary
        self._zone = zone
        self._widths = {"ticker": 5, "source": 12}

    def notice(self, at: int, text: str) -> str:
        """Formats a notice. `at`: Unix milliseconds."""
        return f"{self._time(at)}  {self._paint(f'· {plain(text)}', _CYAN)}"

    def event(self, received: Received) -> str:
        """Formats an event: time, label and score, ticker, source, latency, item. Other events have other columns."""
        line = f"{self._time(received.at)}  {self._columns(received.event, received)}"
        if self._summary and isinstance(received.event, Metrics):
            return "\n".join([line, *self._tickers(received.event)])
        return line

    def _tickers(self, metrics: Metrics) -> Iterator[str]:
        """Yields a line for each ticker: items, items by label, and the mean score where the server sends it."""
        for ticker in metrics.by_tag:
            self._fit("ticker", ticker)  # the column has its width before the first line
        for ticker, items in metrics.by_tag.items():
            counts = (metrics.by_ticker or {}).get(ticker)
            columns = f"{'':14}{self._fit('ticker', ticker)}  {_count(items):>9} items"
            if isinstance(counts, Mapping):
                labels = (
                    self._paint(f"{_count(counts.get(label)):>7} {symbol}", colour)
                    for label, (symbol, colour) in _LABELS.items()
                )
                mean = counts.get("mean")
                score = f"{float(mean):+.2f}" if _is_number(mean) and -1 <= mean <= 1 else "?"
                columns += f"{''.join(labels)}   mean {score}"
            yield columns

    def _columns(self, event: Event | Unknown, received: Received) -> str:
        match event:
            case SentimentUpdate():
                symbol, colour = _LABELS.get(event.label, ("?", _DIM))
                label = self._paint(f"{symbol} {plain(event.label):<9} {float(event.score):+.2f}", colour)
                return self._row(label, event.ticker, event.source or "", self._late(received), event.source_id)
            case SentimentWithdrawn():
                label = self._paint(f"✕ {'withdrawn':<9}      ", _DIM)
                return self._row(label, event.ticker, "", " " * 9, f"{event.source_id} ({event.reason})")
            case Metrics():
                counts = f"{event.positive:,} ▲  {event.neutral:,} ●  {event.negative:,} ▼"
                rate = f"{event.rate_last_hour:.1f} a minute in the last hour"
                return self._paint(f"Σ metrics    {event.total:,} items: {counts}, {rate}", _DIM)
            case Heartbeat():
                words = f"{event.connections:,} connections, up {event.uptime_seconds:,} s, {plain(event.mode)}"
                return self._paint(f"♥ heartbeat  {words}", _DIM)
        return self._paint(f"· {plain(event.name):<9}  {plain(received.data)}", _DIM)

    def _row(self, label: str, ticker: str, source: str, late: str, item: str) -> str:
        columns = f"{self._fit('ticker', ticker)}  {self._fit('source', source)}"
        return f"{label}  {columns}  {late}  {plain(item)}"

    def _fit(self, column: str, text: str) -> str:
        text, widest = plain(text), _WIDEST[column]
        if len(text) > widest:
            text = f"{text[: widest - 1]}…"
        self._widths[column] = max(self._widths[column], len(text))
        return text.ljust(self._widths[column])

    def _late(self, received: Received) -> str:
        late = late_ms(received)
        if late is None:
            return self._paint(f"{'history' if received.replayed else '':>9}", _DIM)
        words = f"{late:,} ms" if abs(late) < 10_000 else f"{late / 1000:,.0f} s"
        return self._paint(f"{words:>9}", _YELLOW if late >= 1_000 else "")

    def _time(self, at: int) -> str:
        moment = datetime.fromtimestamp(at / 1000, self._zone)
        return self._paint(f"{moment:%H:%M:%S}.{at % 1000:03}", _DIM)

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text


def _is_number(value: object) -> TypeGuard[int | Decimal]:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _count(value: object) -> str:
    return f"{value:,}" if _is_number(value) else "?"


def plain(text: str) -> str:
    """Returns untrusted text as one printable line."""
    return printable(text).replace("\n", "\\n")
