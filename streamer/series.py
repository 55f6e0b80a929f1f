"""Counts and scores of tickers over time, and the cursor of the next page. Pure.

A series has a bucket for each span of time in which the ticker has items, the oldest first.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from streamer.change import TICKER

BUCKETS: Final = (60, 300, 900, 3600)
"""The lengths that a bucket can have, in seconds."""
_LONGEST_CURSOR: Final = 100
_LATEST_MS: Final = 253_402_300_800_000  # the end of the year 9999


@dataclass(frozen=True, slots=True)
class SeriesBucket:
    """The items of one ticker whose timestamp is in a span of time."""

    time: str
    """Start of the bucket."""
    items: int
    positive: int
    neutral: int
    negative: int
    mean: Decimal
    """Mean score, rounded to six decimal places."""
    least: Decimal
    greatest: Decimal
    last: Decimal
    """Score of the item with the latest timestamp."""


@dataclass(frozen=True, slots=True)
class TickerSeries:
    """The buckets of one ticker. Buckets without items are left out."""

    ticker: str
    buckets: Sequence[SeriesBucket]


@dataclass(frozen=True, slots=True)
class SeriesCursor:
    """The next page begins with this ticker and this time."""

    ticker: str
    time_ms: int

    def write(self) -> str:
        """Encodes the cursor as an opaque text of `[A-Za-z0-9_-]`."""
        text = json.dumps([self.ticker, self.time_ms], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode("ascii").rstrip("=")


@dataclass(frozen=True, slots=True)
class SeriesRequest:
    """What a client asks for."""

    tickers: frozenset[str]
    bucket: int
    """Length of the buckets in seconds, one of BUCKETS."""
    since_ms: int
    """Unix milliseconds; the first bucket has this time."""
    cursor: SeriesCursor | None = None


@dataclass(frozen=True, slots=True)
class SeriesPage:
    """Series in the order of their tickers. A ticker without items is left out."""

    bucket: int
    since: str
    """Start of the first bucket. Later than requested if the items before are not known."""
    series: Sequence[TickerSeries]
    more: SeriesCursor | None
    as_of: str | None
    """The place in the stream whose state the page shows; None if the items were read from the table."""


def read_series_cursor(text: str) -> SeriesCursor:
    """Decodes a text of `SeriesCursor.write`. Raises ValueError for any other text."""
    if not text.isascii() or len(text) > _LONGEST_CURSOR:
        raise ValueError("not a cursor")
    try:
        ticker, time_ms = json.loads(base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True))
    except (binascii.Error, ValueError, TypeError, RecursionError):
        raise ValueError("not a cursor") from None
    if not isinstance(ticker, str) or not TICKER.fullmatch(ticker):
        raise ValueError("not a cursor")
    if type(time_ms) is not int or not 0 <= time_ms < _LATEST_MS:
        raise ValueError("not a cursor")
    cursor = SeriesCursor(ticker, time_ms)
    if cursor.write() != text:
        raise ValueError("not a cursor")
    return cursor
