"""Aggregates of the window's items by ticker and span of minutes, computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Container, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from streamer.change import Key, iso_time
from streamer.hub.timeline import Bound, Held, Timeline
from streamer.series import SeriesBucket

MINUTE_MS: Final = 60_000
_SPANS: Final = (1, 5, 15, 60)  # minutes
_HOUR: Final = 60
_PART: Final = 5  # minutes; an hour is put together from its parts, so that a change does not cost the whole hour
_MEAN_PLACES: Final = 6
MAX_CELLS: Final = 20_000


class Cell(NamedTuple):
    """The items of one ticker in a span of minutes. There is at least one."""

    bucket: SeriesBucket
    total: Decimal
    """Sum of the scores."""


class Cells:
    """A cache of cells. The window reports each item that enters or leaves."""

    def __init__(self, uncounted: Container[Key]) -> None:
        """`uncounted`: items that belong to no cell."""
        self._uncounted = uncounted
        self._cells: dict[tuple[str, int, int], Cell] = {}
        self.steps = 0
        """Number of cells and items that were read: a measure of the work."""

    def __len__(self) -> int:
        return len(self._cells)

    def forget(self, held: Held) -> None:
        """Removes the cells that an item belongs to."""
        if self._cells:
            for ticker in held.state.tickers:
                for span in _SPANS:
                    self._cells.pop((ticker, span, held.minute - held.minute % span), None)

    def spans(self, ticker: str, timeline: Timeline, span: int, start: int, end: int) -> Iterator[tuple[int, Cell]]:
        """Yields the cells of `span` minutes that begin in the minutes from `start` until before `end`, oldest first,
        each with its first minute. Empty ones are left out. `start` and `end` are multiples of `span`."""
        while start < end:
            first = timeline.first_from(_bound(start))
            if first is None or first.minute >= end:
                return
            start = first.minute - first.minute % span
            cell = self._cell(ticker, timeline, span, start)
            if cell is not None:
                yield start, cell
            start += span

    def _cell(self, ticker: str, timeline: Timeline, span: int, start: int) -> Cell | None:
        self.steps += 1
        cell = self._cells.get((ticker, span, start))
        if cell is not None:
            return cell
        if span == _HOUR:
            cell = _merged(start, [part for _, part in self.spans(ticker, timeline, _PART, start, start + span)])
        else:
            cell = self._of_items(timeline, start, start + span)
        if cell is not None:
            while len(self._cells) >= MAX_CELLS:
                del self._cells[next(iter(self._cells))]
            self._cells[ticker, span, start] = cell
        return cell

    def _of_items(self, timeline: Timeline, start: int, end: int) -> Cell | None:
        held = list(timeline.between(_bound(start), _bound(end)))
        self.steps += len(held)
        states = [each.state for each in held if each.key not in self._uncounted]
        if not states:
            return None
        labels, scores = [state.label for state in states], [state.score for state in states]
        total = sum(scores, Decimal(0))
        counts = labels.count("positive"), labels.count("neutral"), labels.count("negative")
        return _cell(start, counts, total, min(scores), max(scores), scores[-1])


def _bound(minute: int) -> Bound:
    return (iso_time(minute * MINUTE_MS),)


def _merged(start: int, cells: list[Cell]) -> Cell | None:
    if not cells:
        return None
    buckets = [cell.bucket for cell in cells]
    counts = (
        sum(bucket.positive for bucket in buckets),
        sum(bucket.neutral for bucket in buckets),
        sum(bucket.negative for bucket in buckets),
    )
    total = sum((cell.total for cell in cells), Decimal(0))
    least, greatest = min(bucket.least for bucket in buckets), max(bucket.greatest for bucket in buckets)
    return _cell(start, counts, total, least, greatest, buckets[-1].last)


def _cell(
    start: int, counts: tuple[int, int, int], total: Decimal, least: Decimal, greatest: Decimal, last: Decimal
) -> Cell:
    """`counts`: items by label, positive, neutral, negative."""
    items = sum(counts)
    mean = round(total / items, _MEAN_PLACES)
    return Cell(SeriesBucket(iso_time(start * MINUTE_MS), items, *counts, mean, least, greatest, last), total)
