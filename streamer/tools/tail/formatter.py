"""Formats an event as one aligned line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal
from typing import Final, TypeGuard

from rich.cells import cell_len, set_cell_size

from streamer.change import parse_time
from streamer.client import Received, Unknown
from streamer.sse.events import Event, Heartbeat, Metrics, SentimentUpdate, SentimentWithdrawn
from streamer.tools.terminal.printable import printable

_GREEN, _RED, _YELLOW, _CYAN, _DIM = "32", "31", "33", "36", "2"
_LABELS: Final = {"positive": ("▲", _GREEN), "neutral": ("●", _YELLOW), "negative": ("▼", _RED)}
_WIDEST: Final = {"ticker": 12, "source": 20}
"""Columns of a terminal. A longer text stands out of its column where the line has room for it."""
_TIME: Final = 14
"""Columns of the time and the gap after it."""
_LABEL: Final = 17
_LATE: Final = 9
_LEAST_ITEM: Final = 8
"""A shorter part of a source id says nothing, so it is left out."""


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
    """Formats lines. A column grows with its content. `zone`: None for the local time zone.

    Lines of events fit the width. The source id is shortened or left out first, then the source and the latency are
    left out. Notices are never cut.
    """

    def __init__(
        self,
        *,
        colour: bool,
        zone: tzinfo | None = None,
        summary: bool = False,
        width: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`summary`: below the counts of `metrics` stands a line for each ticker. `width`: of the terminal, now; None
        if the output is no terminal."""
        self._colour = colour
        self._summary = summary
        self._zone = zone
        self._width = width
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
        tickers = {ticker: plain(ticker) for ticker in metrics.by_tag}
        for ticker in tickers.values():
            self._grow("ticker", ticker)  # the column has its width before the first line
        width = self._width()
        indent = _TIME if width is None or self._widths["ticker"] + _TIME + 57 <= width else 2
        for ticker, items in metrics.by_tag.items():
            counts = (metrics.by_ticker or {}).get(ticker)
            name = self._pad("ticker", _cut(tickers[ticker], _WIDEST["ticker"]))
            columns = f"{'':{indent}}{name}  {_count(items):>9} items"
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
                label = self._paint(f"{symbol} {_cut(plain(event.label), 9):<9} {float(event.score):+.2f}", colour)
                return self._row(label, event.ticker, event.source or "", self._late(received), event.source_id)
            case SentimentWithdrawn():
                label = self._paint(f"✕ {'withdrawn':<9}      ", _DIM)
                return self._row(label, event.ticker, "", " " * _LATE, f"{event.source_id} ({event.reason})")
            case Metrics():
                counts = f"{event.positive:,} ▲  {event.neutral:,} ●  {event.negative:,} ▼"
                rate = f"{event.rate_last_hour:.1f} a minute"
                start = f"Σ metrics    {event.total:,} items: {counts}"
                return self._line(f"{start}, {rate} in the last hour", f"{start}, {rate}", start)
            case Heartbeat():
                words = f"{event.connections:,} connections, up {event.uptime_seconds:,} s, {plain(event.mode)}"
                return self._line(f"♥ heartbeat  {words}")
        return self._line(f"· {plain(event.name):<9}  {plain(received.data)}")

    def _line(self, *texts: str) -> str:
        """Returns the first text that fits, else the last one shortened."""
        width = self._width()
        if width is None:
            return self._paint(texts[0], _DIM)
        room = width - _TIME
        fitting = (text for text in texts if cell_len(text) <= room)
        return self._paint(next(fitting, _cut(texts[-1], room)), _DIM)

    def _row(self, label: str, ticker: str, source: str, late: str, item: str) -> str:
        ticker, source, item = plain(ticker), plain(source), plain(item)
        self._grow("ticker", ticker)
        self._grow("source", source)
        whole = f"{self._pad('ticker', ticker)}  {self._pad('source', source)}"
        width = self._width()
        room = None if width is None else width - _TIME - _LABEL - 2
        if room is None or cell_len(whole) + 2 + _LATE + 2 + cell_len(item) <= room:
            return f"{label}  {whole}  {late}  {item}"
        columns = [self._pad("ticker", _cut(ticker, _WIDEST["ticker"]))]
        left = room - cell_len(columns[0]) - 2 - _LATE
        after_source = left - 2 - self._widths["source"]
        if after_source >= 0:
            columns.append(self._pad("source", _cut(source, _WIDEST["source"])))
        if left >= 0:
            columns.append(late)
        if after_source - 2 >= min(_LEAST_ITEM, cell_len(item)):
            columns.append(_cut(item, after_source - 2))
        return "  ".join([label, *columns])

    def _grow(self, column: str, text: str) -> None:
        self._widths[column] = max(self._widths[column], min(cell_len(text), _WIDEST[column]))

    def _pad(self, column: str, text: str) -> str:
        return text + " " * (self._widths[column] - cell_len(text))

    def _late(self, received: Received) -> str:
        late = late_ms(received)
        if late is None:
            return self._paint(f"{'history' if received.replayed else '':>{_LATE}}", _DIM)
        words = f"{late:,} ms" if abs(late) < 10_000 else f"{late / 1000:,.0f} s"
        return self._paint(f"{words:>{_LATE}}", _YELLOW if late >= 1_000 else "")

    def _time(self, at: int) -> str:
        moment = datetime.fromtimestamp(at / 1000, self._zone)
        return self._paint(f"{moment:%H:%M:%S}.{at % 1000:03}", _DIM)

    def _paint(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self._colour and colour else text


def _is_number(value: object) -> TypeGuard[int | Decimal]:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _count(value: object) -> str:
    return f"{value:,}" if _is_number(value) else "?"


def _cut(text: str, width: int) -> str:
    """Returns the text, shortened if it is wider."""
    return text if cell_len(text) <= width else f"{set_cell_size(text, max(width - 1, 0)).rstrip()}…"


def plain(text: str) -> str:
    """Returns untrusted text as one printable line."""
    return printable(text).replace("\n", "\\n")
