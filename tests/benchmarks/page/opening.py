"""From the navigation to what a reader sees, and how much it moves afterwards."""

from __future__ import annotations

import statistics

from playwright.sync_api import Playwright

from tests.benchmarks.page.chromium import DESKTOP, browser, new_page
from tests.benchmarks.page.figure import Figure

_RUNS = 5
_SETTLE = 1000
"""Milliseconds of a new browser before it is measured: a reader's browser runs already."""
_WATCHED = 10_000
"""Milliseconds in which the layout must not shift."""
_SIZES = (DESKTOP, (900, 700), (390, 844))
_LOOK = """window.first = {};
const wanted = { row: "#feed > *", chart: "#chart canvas" };
window.found = new Promise((resolve) => {
  const look = () => {
    for (const [name, selector] of Object.entries(wanted)) {
      if (!(name in first) && document.querySelector(selector)) first[name] = performance.now() / 1000;
    }
    if (Object.keys(first).length === 2) resolve(first);
    else requestAnimationFrame(look);
  };
  look();
});"""
"""Seconds since the navigation began, to a frame."""
_SHIFTS = """window.shifted = 0;
new PerformanceObserver((list) => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) shifted += entry.value;
}).observe({ type: "layout-shift", buffered: true });"""


def opened(playwright: Playwright, executable: str, base: str) -> list[Figure]:
    """Returns the times to the first row and the first chart."""
    runs: list[dict[str, float]] = []
    for _ in range(_RUNS):
        with browser(playwright, executable) as launched:
            page = new_page(launched, script=_LOOK)
            page.wait_for_timeout(_SETTLE)
            page.goto(base, wait_until="commit")
            runs.append(page.evaluate("found"))
    rows, charts = [run["row"] for run in runs], [run["chart"] for run in runs]
    return [
        Figure("first row", 0.5, statistics.median(rows), " s", 2, f"slowest {max(rows):.2f} s"),
        Figure("first chart", 1.0, statistics.median(charts), " s", 2, f"slowest {max(charts):.2f} s"),
    ]


def shifts(playwright: Playwright, executable: str, base: str) -> list[Figure]:
    """Returns the layout shift after the navigation, for each width."""
    figures: list[Figure] = []
    for size in _SIZES:
        with browser(playwright, executable) as launched:
            page = new_page(launched, size, script=_SHIFTS)
            page.goto(base, wait_until="commit")
            page.wait_for_timeout(_WATCHED)
            figures.append(Figure(f"layout shift, {size[0]} px", 0.05, page.evaluate("shifted"), digits=3))
    return figures
