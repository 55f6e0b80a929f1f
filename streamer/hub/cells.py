"""Aggregates of the window's items by ticker and span of minutes, computed when they are first asked for."""

from __future__ import annotations

from collections.abc import Container, Iterator
from decimal import Decimal
from typing import Final, NamedTuple

from streamer.change import Key, iso_time
from streamer.hub.timeline import Bound, Held, Timeline

MINUTE_MS: Final = 60_000
_SPANS: Final = (1, 5, 15, 60)  # minutes
_LIMIT: Final = 50_000  # cells; about 15 MB


class Cell(NamedTuple):
    """The items of one ticker in a span of minutes. There is at least one."""

    positive: int
    neutral: int
    negative: int
    total: Decimal
    """Sum of the scores."""
    least: Decimal
    greatest: Decimal
    last: Decimal
    """Score of the newest item."""

    @property
    def items(self) -> int:
        """Number of items."""
        return self.positive + self.neutral + self.negative


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
        if cell is None:
            if span == 1:
                cell = self._of_items(timeline, start)
            else:
                cell = _merged([cell for _, cell in self.spans(ticker, timeline, 1, start, start + span)])
            if cell is None:
                return None
            while len(self._cells) >= _LIMIT:
                del self._cells[next(iter(self._cells))]
            self._cells[ticker, span, start] = cell
        return cell

    def _of_items(self, timeline: Timeline, minute: int) -> Cell | None:
        held = list(timeline.between(_bound(minute), _bound(minute + 1)))
        self.steps += len(held)
        states = [each.state for each in held if each.key not in self._uncounted]
        if not states:
            return None
        labels, scores = [state.label for state in states], [state.score for state in states]
        return Cell(
            labels.count("positive"),
            labels.count("neutral"),
            labels.count("negative"),
            sum(scores, Decimal(0)),
            min(scores),
            max(scores),
            scores[-1],
        )


def _bound(minute: int) -> Bound:
    return (iso_time(minute * MINUTE_MS),)


def _merged(cells: list[Cell]) -> Cell | None:
    if not cells:
        return None
    return Cell(
        sum(cell.positive for cell in cells),
        sum(cell.neutral for cell in cells),
        sum(cell.negative for cell in cells),
        sum((cell.total for cell in cells), Decimal(0)),
        min(cell.least for cell in cells),
        max(cell.greatest for cell in cells),
        cells[-1].last,
    )
