"""Pages of series from the items of a window."""

from __future__ import annotations

from typing import Final

from streamer.change import iso_time
from streamer.hub.cells import MINUTE_MS
from streamer.hub.window import Window
from streamer.series import SeriesBucket, SeriesCursor, SeriesPage, SeriesRequest, TickerSeries

MAX_BUCKETS: Final = 300
"""Maximum number of buckets of a page."""
_MAX_STEPS: Final = 1_000  # items and cells that a page reads; it takes a few milliseconds


def read(window: Window, request: SeriesRequest, now_ms: int, as_of: str | None) -> SeriesPage:
    """Returns a page. It begins at `request.since_ms`, or at the first bucket from whose start on the window has all
    items. A page with a cursor may have fewer than MAX_BUCKETS buckets."""
    span = request.bucket * 1000 // MINUTE_MS
    known = (window.counted_since(now_ms) // (span * MINUTE_MS) + 1) * span  # the first bucket that begins after it
    since = max(request.since_ms // (span * MINUTE_MS) * span, known)
    end = (now_ms // MINUTE_MS + window.FUTURE_MINUTES) // span * span + span
    series: list[TickerSeries] = []
    more: SeriesCursor | None = None
    left, limit = MAX_BUCKETS, window.cells.steps + _MAX_STEPS
    for ticker in sorted(request.tickers):
        start = since
        if request.cursor is not None and ticker <= request.cursor.ticker:
            if ticker < request.cursor.ticker:
                continue
            start = max(since, request.cursor.time_ms // (span * MINUTE_MS) * span)
        buckets: list[SeriesBucket] = []
        for minute, cell in window.spans(ticker, span, start, end):
            if not left or (window.cells.steps > limit and left < MAX_BUCKETS):  # at least one, or paging never ends
                more = SeriesCursor(ticker, minute * MINUTE_MS)
                break
            left -= 1
            buckets.append(cell.bucket)
        if buckets:
            series.append(TickerSeries(ticker, buckets))
        if more is not None:
            break
    return SeriesPage(request.bucket, iso_time(since * MINUTE_MS), series, more, as_of)
