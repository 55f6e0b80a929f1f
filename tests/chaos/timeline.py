"""The picture of a run: faults and modes by container, events by client, on one axis. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Final

from tests.chaos.accounting import Account, Flaw
from tests.chaos.modes import Band
from tests.chaos.records import Record
from tests.chaos.result import Told, Verdict

_LEFT: Final = 96
_WIDTH: Final = 1180
_LANE: Final = 15
_BAND: Final = 10
_CLIENT: Final = 30
_LETTER: Final = 6.0
"""Width of a letter, a little too large."""
_BIN: Final = 0.25


class _Canvas:
    """Collects shapes from top to bottom; times are seconds from the start."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.y = 24.0
        self.shapes: list[str] = []

    def x(self, at: float) -> float:
        """Where a time is, never outside."""
        return _LEFT + min(max(at, 0.0), self.seconds) * (_WIDTH - _LEFT - 20) / self.seconds

    def bar(self, begin: float, end: float, y: float, height: float, name: str, title: str = "") -> None:
        """A time, as a rectangle."""
        x, width = self.x(begin), max(1.0, self.x(end) - self.x(begin))
        inside = f"<title>{escape(title)}</title>" if title else ""
        self.shapes.append(
            f'<rect class="{name}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}">{inside}</rect>'
        )

    def text(self, x: float, y: float, text: str, name: str = "", anchor: str = "start") -> None:
        """Words; `y` is their base line."""
        self.shapes.append(f'<text class="{name}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>')

    def label(self, text: str, below: float = 11) -> None:
        """What a row is."""
        self.text(_LEFT - 8, self.y + below, text, anchor="end")


def draw(verdict: Verdict) -> str:
    """The picture as SVG."""
    run = verdict.run
    canvas = _Canvas(run.settings.seconds)
    everywhere = [one for one in verdict.faults if one.fault.container is None]
    if everywhere:
        canvas.label("everywhere")
        _faults(canvas, everywhere)
        canvas.y += 6
    for container, bands in zip(run.containers, verdict.modes, strict=True):
        canvas.label(f"container {container.number}")
        _modes(canvas, bands, run.start)
        _faults(canvas, [one for one in verdict.faults if one.fault.container == container.number])
        canvas.y += 8
    for record, account in zip(run.records, verdict.accounts, strict=True):
        _client(canvas, record, account, run.start)
    height = canvas.y + 8
    grid = []
    for second in range(0, int(canvas.seconds) + 1, 10):
        x = canvas.x(second)
        grid.append(f'<line class="rule" x1="{x:.1f}" x2="{x:.1f}" y1="18" y2="{height:.0f}"/>')
        if second % 20 == 0:
            grid.append(f'<text class="dim" x="{x:.1f}" y="12" text-anchor="middle">{second} s</text>')
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height:.0f}" role="img" aria-label="Timeline of the run">'
        f"{''.join(grid)}{''.join(canvas.shapes)}</svg>"
    )


def _faults(canvas: _Canvas, faults: Sequence[Told]) -> None:
    """Bars with their names, in as many lanes as it takes for them not to touch."""
    lanes: list[float] = []
    for one in sorted(faults, key=lambda told: told.fault.starts):
        fault = one.fault
        begin = canvas.x(fault.starts)
        end = max(canvas.x(fault.over), begin + 8 + _LETTER * len(fault.kind.name))
        lane = next((number for number, free in enumerate(lanes) if free <= begin), len(lanes))
        lanes[lane : lane + 1] = [end + 4]
        y = canvas.y + lane * _LANE
        title = f"{fault.kind.name}: {fault.kind.does}; {fault.starts:.1f} to {fault.ends:.1f} s"
        if one.wrong:
            title += "; " + "; ".join(one.wrong)
        canvas.bar(fault.ends, fault.over, y + 10, 3, "after")
        canvas.bar(fault.starts, fault.ends, y + 10, 3, "fault", title)
        canvas.text(begin, y + 8.5, fault.kind.name + (" ✗" if one.wrong else ""))
    canvas.y += len(lanes) * _LANE


def _modes(canvas: _Canvas, bands: Sequence[Band], start: float) -> None:
    for band in bands:
        if band.end > start:
            title = f"{band.mode} from {band.begin - start:.1f} s: {band.reason}"
            canvas.bar(band.begin - start, band.end - start, canvas.y + 1, _BAND, band.mode, title)
    canvas.y += _BAND + 4


def _client(canvas: _Canvas, record: Record, account: Account, start: float) -> None:
    canvas.label(f"client {record.number}", 16)
    if record.tickers is not None:
        canvas.text(_LEFT - 8, canvas.y + 27, ", ".join(sorted(record.tickers)), "dim", "end")
    base = canvas.y + _CLIENT - 6
    for span in record.spans:
        if span.closed > start:
            title = f"at container {span.container}: {span.resume}, {span.replayed} replayed; {span.ended}"
            canvas.bar(span.opened - start, span.closed - start, base + 1, 2, "span", title)
    news = _counts(record, start, applied=True)
    repeats = _counts(record, start, applied=False)
    most = max(news.values(), default=1)
    for counts, name in ((repeats, "again"), (news, "tick")):
        for number, count in sorted(counts.items()):
            height = min(_CLIENT - 8.0, 3 + (_CLIENT - 11) * (count / most) ** 0.5)
            canvas.bar(number * _BIN, (number + 1) * _BIN, base - height, height, name)
    for flaw in account.missing:
        x = canvas.x(flaw.at - start)
        canvas.shapes.append(
            f'<path class="missing" d="M{x - 5:.1f} {canvas.y:.1f}h10l-5 8z"><title>{escape(_flaw(flaw))}'
            "</title></path>"
        )
    for flaw in account.ghosts:
        x = canvas.x(flaw.at - start)
        canvas.shapes.append(
            f'<circle class="ghost" cx="{x:.1f}" cy="{canvas.y + 5:.1f}" r="4"><title>{escape(_flaw(flaw))}'
            "</title></circle>"
        )
    canvas.y += _CLIENT


def _counts(record: Record, start: float, *, applied: bool) -> Counter[int]:
    """How many deliveries there were in each bin: of what the client did not show yet, or of repeats."""
    return Counter(
        int((delivery.at - start) / _BIN)
        for delivery in record.deliveries
        if delivery.at >= start and delivery.applied == applied
    )


def _flaw(flaw: Flaw) -> str:
    return f"{flaw.key.source_id} {flaw.ticker}: {flaw.why}"
