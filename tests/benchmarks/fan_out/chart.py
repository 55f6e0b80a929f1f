"""The chart of docs/benchmarks.md: bars in groups, as SVG by hand. Pure.

Its colours are defined for light and dark, and follow what the reader's system prefers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

_WIDTH = 760
_LABEL = 236  # for the names
_VALUE = 110  # for the figures behind the bars
_BAR = 18
_GAP = 6
_HEADING = 34

_STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .bar { fill: #8c959f; }
  .own { fill: #0969da; }
  .yardstick { stroke: #57606a; stroke-dasharray: 3 3; }
  .spread { stroke: #24292f; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .bar { fill: #6e7681; }
    .own { fill: #4493f8; }
    .yardstick { stroke: #9198a1; }
    .spread { stroke: #e6edf3; }
  }
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: a name, its length with the spread around it, and the words behind it."""

    name: str
    value: float
    least: float
    most: float
    words: str
    own: bool = False


def svg(title: str, groups: Sequence[tuple[str, Sequence[Bar]]], *, most: float, line: float | None = None) -> str:
    """The groups below each other on one scale from 0 to `most`; a longer bar is cut there, and says so by its words.

    `line`: a value that is marked through all groups.
    """
    room = _WIDTH - _LABEL - _VALUE
    parts, y = [f'<text class="title" x="0" y="18">{escape(title)}</text>'], _HEADING

    def at(value: float) -> float:
        return round(_LABEL + room * min(value, most) / most, 1)

    for heading, bars in groups:
        y += 18
        parts.append(f'<text class="title" x="0" y="{y}">{escape(heading)}</text>')
        y += 8
        top = y
        for bar in bars:
            middle = y + _BAR / 2
            kind = "own" if bar.own else "bar"
            long = round(at(bar.value) - _LABEL, 1)
            parts += [
                f'<text x="{_LABEL - 8}" y="{middle + 4.5}" text-anchor="end">{escape(bar.name)}</text>',
                f'<rect class="{kind}" x="{_LABEL}" y="{y}" width="{long}" height="{_BAR}"/>',
                f'<text x="{at(bar.most) + 6}" y="{middle + 4.5}">{escape(bar.words)}</text>',
            ]
            if bar.least < bar.most and bar.least < most:
                parts.append(
                    f'<line class="spread" x1="{at(bar.least)}" x2="{at(bar.most)}" y1="{middle}" y2="{middle}"/>'
                )
            y += _BAR + _GAP
        if line is not None:
            parts.append(f'<line class="yardstick" x1="{at(line)}" x2="{at(line)}" y1="{top - 4}" y2="{y}"/>')
        y += 10
    body = "\n".join(f"  {part}" for part in parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {y}" width="{_WIDTH}" height="{y}" role="img"'
        f' aria-label="{escape(title, {chr(34): "&quot;"})}">\n<style>{_STYLE}</style>\n{body}\n</svg>\n'
    )
