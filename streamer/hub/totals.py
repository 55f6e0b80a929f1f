"""Counts of the window's items by label and by ticker."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from heapq import nlargest

from streamer.change import State


class TickerTotal:
    """The items of one ticker."""

    __slots__ = ("items", "labels", "score")

    def __init__(self) -> None:
        self.items = 0
        self.labels = {"positive": 0, "neutral": 0, "negative": 0}
        self.score = Decimal(0)
        """Sum of the scores."""


class WindowTotals:
    """Counts that follow each item that enters or leaves."""

    def __init__(self) -> None:
        self.items = 0
        self.pairs = 0
        """Number of items and tickers: an item with two tickers counts twice."""
        self.labels: Counter[str] = Counter()
        self._tickers: dict[str, TickerTotal] = {}

    def add(self, state: State) -> None:
        """Counts an item."""
        self.items += 1
        self.pairs += len(state.tickers)
        self.labels[state.label] += 1
        for ticker in state.tickers:
            total = self._tickers.get(ticker)
            if total is None:
                total = self._tickers[ticker] = TickerTotal()
            total.items += 1
            total.labels[state.label] += 1
            total.score += state.score

    def remove(self, state: State) -> None:
        """Takes back an item that was added."""
        self.items -= 1
        self.pairs -= len(state.tickers)
        self.labels[state.label] -= 1
        for ticker in state.tickers:
            total = self._tickers[ticker]
            total.items -= 1
            total.labels[state.label] -= 1
            total.score -= state.score
            if not total.items:
                del self._tickers[ticker]

    def largest(self, number: int) -> list[tuple[str, TickerTotal]]:
        """Returns the tickers with the most items."""
        return nlargest(number, self._tickers.items(), key=lambda each: each[1].items)
