"""Tickers, sources and texts of the news. The tickers are real; sources and texts are invented."""

from __future__ import annotations

import random
from typing import Final, Literal

Label = Literal["positive", "neutral", "negative"]
LABELS: Final[tuple[Label, ...]] = ("positive", "neutral", "negative")

TICKERS: Final = {
    "AAPL": 16, "NVDA": 16, "TSLA": 14, "MSFT": 12, "AMZN": 10, "GOOGL": 9, "META": 9, "AMD": 8, "JPM": 6, "NFLX": 6,
    "INTC": 5, "BA": 5, "DIS": 4, "TSM": 4, "XOM": 4, "WMT": 3, "KO": 3, "PFE": 3, "IBM": 2, "F": 2, "BRK-B": 2,
    "^GSPC": 2, "BF.B": 1, "RY.TO": 1,
}  # fmt: skip
"""Weights by ticker: a few tickers are in most of the news."""

SOURCES: Final = {
    "Harborline Wire": ("harborline", 30),
    "Meridian Markets": ("meridian", 24),
    "Ledger & Post": ("ledgerpost", 18),
    "Northgate Research": ("northgate", 12),
    "The Closing Bell Daily": ("closingbell", 9),
    "StreetNotes": ("streetnotes", 7),
}
"""Prefix of the item ids and weight, by source."""

_HEADLINES: Final[dict[Label, tuple[str, ...]]] = {
    "positive": (
        "{ticker} raises its outlook for the year",
        "{ticker} beats estimates as orders pick up",
        "Analysts warm to {ticker} after strong quarter",
        "{ticker} wins a contract worth billions",
    ),
    "neutral": (
        "{ticker} to report on Thursday: what to expect",
        "{ticker} names a new head of operations",
        "Little changed: {ticker} holds its guidance",
        "{ticker} shareholders meet, vote as expected",
    ),
    "negative": (
        "{ticker} cuts its forecast, cites weak demand",
        "Regulator opens an inquiry into {ticker}",
        "{ticker} recalls a product, shares slide",
        "{ticker} misses estimates; margin under pressure",
    ),
}

_SENTENCES: Final = (
    "The company said demand had developed as management described it in the previous quarter.",
    "Analysts had expected little else, one of them said on condition of not being named.",
    "Trading volume was about {number} percent above its average of the last thirty days.",
    "A spokesperson declined to comment beyond the statement.",
    "The order book covers the coming {number} weeks, according to the filing.",
    "Costs rose by {number} percent, mostly for energy and freight.",
    "Options markets had implied a move of that size.",
    "The board will look at the matter again when it meets next.",
    "Competitors of {ticker} are expected to follow within days.",
    "Investors were reminded that past results say little about those to come.",
)


def headline(rng: random.Random, label: Label, ticker: str) -> str:
    """Returns a random headline for the label."""
    return rng.choice(_HEADLINES[label]).format(ticker=ticker)


def article(rng: random.Random, ticker: str) -> str:
    """Returns a random text of about 500 to 2,000 characters."""
    sentences = rng.choices(_SENTENCES, k=rng.randint(7, 24))
    return " ".join(sentence.format(ticker=ticker, number=rng.randint(2, 40)) for sentence in sentences)
