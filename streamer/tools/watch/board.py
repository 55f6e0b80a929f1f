"""What is known of each ticker, and how it looks on a terminal."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from streamer.client import Lost, Received
from streamer.sse.events import Closing, Connected, Heartbeat, Metrics, Reset, SentimentUpdate
from streamer.tools.terminal.printable import printable

_STYLES: Final = {"positive": ("▲", "green"), "neutral": ("●", "yellow"), "negative": ("▼", "red")}
_ABOVE: Final = 4
"""Lines of the terminal that are not rows: two of the state, the head and its rule."""
_MOST_CHANGES: Final = 10_000
"""Tickers whose last change is remembered."""
_FRESH_MS: Final = 2_000
"""A change is highlighted for this time."""


@dataclass(frozen=True, slots=True)
class _Change:
    label: str
    score: Decimal
    at: int


class Board:
    """Takes what the stream yields. `tickers`: only these, in upper case; empty for all."""

    def __init__(self, url: str, tickers: Collection[str] = ()) -> None:
        self._url = url
        self._tickers = frozenset(tickers)
        self._state = "connecting"
        self._mode = ""
        self._metrics: Metrics | None = None
        self._changes: dict[str, _Change] = {}
        self._events = 0

    def take(self, each: Received | Lost) -> None:
        """Changes the table for one event, or the state for a lost connection."""
        if isinstance(each, Lost):
            self._state = f"lost: {each.reason}; next attempt in {each.wait:.1f} s"
            return
        match each.event:
            case Connected(mode=mode) | Heartbeat(mode=mode):
                self._mode, self._state = mode, "connected"
            case Reset():
                self._changes.clear()
            case Closing(reason=reason):
                self._state = f"the server closes the stream ({reason})"
            case Metrics() as metrics:
                self._metrics = metrics
            case SentimentUpdate() as update:
                self._events += 1
                self._changes.pop(update.ticker, None)
                self._changes[update.ticker] = _Change(update.label, update.score, each.at)
                if len(self._changes) > _MOST_CHANGES:
                    del self._changes[next(iter(self._changes))]

    def screen(self, now_ms: int, height: int) -> Group:
        """Returns what to show at a time in Unix milliseconds, in at most `height` lines."""
        metrics = self._metrics
        counts = Text("no counts yet", style="dim")
        if metrics is not None:
            totals = f"{metrics.total:,} items: {metrics.positive:,} ▲  {metrics.neutral:,} ●  {metrics.negative:,} ▼"
            counts = Text(f"{totals}, {metrics.rate_last_hour:.1f} a minute; {self._events:,} changes seen; q ends")
        state = Text(printable(f"{self._url}  {self._state}{self._mode and f', mode {self._mode}'}").replace("\n", " "))
        for line in (state, counts):
            line.no_wrap, line.overflow = True, "ellipsis"
        return Group(state, counts, self._table(now_ms, max(1, height - _ABOVE)))

    def _table(self, now_ms: int, rows: int) -> Table:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
        for name, right in (
            ("ticker", False), ("items", True), ("▲", True), ("●", True), ("▼", True), ("mean", True),
            ("last change", False),
        ):  # fmt: skip
            table.add_column(name, justify="right" if right else "left", no_wrap=True, overflow="ellipsis")
        for ticker in self._shown()[:rows]:
            table.add_row(Text(printable(ticker), style="bold"), *self._counts(ticker), self._change(ticker, now_ms))
        return table

    def _shown(self) -> list[str]:
        """Returns the tickers: those of the counts, largest first, then those that only changed, newest first."""
        counted = [] if self._metrics is None else [ticker for ticker in self._metrics.by_tag if ticker != "other"]
        known = dict.fromkeys([*counted, *reversed(self._changes)])
        return [ticker for ticker in known if not self._tickers or ticker in self._tickers]

    def _counts(self, ticker: str) -> list[Text]:
        metrics = self._metrics
        items = None if metrics is None else metrics.by_tag.get(ticker)
        labels = {} if metrics is None else (metrics.by_ticker or {}).get(ticker)
        members: Mapping[str, object] = labels if isinstance(labels, Mapping) else {}
        counted = [Text(_count(members.get(label)), style=style) for label, (_, style) in _STYLES.items()]
        mean = members.get("mean")
        score = float(mean) if isinstance(mean, int | Decimal) and -1 <= mean <= 1 else None
        style = "" if score is None or score == 0 else "green" if score > 0 else "red"
        return [Text(_count(items)), *counted, Text("-" if score is None else f"{score:+.2f}", style=style)]

    def _change(self, ticker: str, now_ms: int) -> Text:
        change = self._changes.get(ticker)
        if change is None:
            return Text("-", style="dim")
        symbol, style = _STYLES.get(change.label, ("?", ""))
        past = max(0, now_ms - change.at)
        text = f"{symbol} {float(change.score):+.2f}  {_ago(past)}"
        return Text(text, style=f"{style} reverse" if past < _FRESH_MS else style)


def _ago(milliseconds: int) -> str:
    seconds = milliseconds // 1000
    if seconds < 120:
        return f"{seconds} s ago"
    return f"{seconds // 60} min ago" if seconds < 7_200 else f"{seconds // 3_600} h ago"


def _count(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else "-"
