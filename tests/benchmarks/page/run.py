"""All figures of the page, in one table."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

from playwright.sync_api import Playwright, sync_playwright

from tests.benchmarks.page import hour, opening, tabs, work
from tests.benchmarks.page.demo import demo
from tests.benchmarks.page.figure import HEAD, Figure, line

_BUSY = {5: 5.0, 50: 10.0, 200: 15.0}
"""Changes a second → aim in percent."""
_FILL = {5: 10.0, 50: 40.0, 200: 10.0}
"""Seconds of writing before the first navigation."""


def main() -> None:
    """Prints each figure as soon as it is found. Takes about five minutes."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("page: left out; install chromium (a Debian package)")
        return
    print(
        "the page in chromium, on the same machine as the demo, whose processes take up to a core of it;"
        "\n  opened at 50 changes/s, each time in a new profile, median of 5 navigations"
    )
    print(line(*HEAD))
    with sync_playwright() as playwright:
        for figure in _figures(playwright, chromium):
            print(line(*figure.row()), flush=True)


def _figures(playwright: Playwright, chromium: str) -> Iterator[Figure]:
    for rate, most in _BUSY.items():
        with demo(rate, _FILL[rate]) as base:
            if rate == 50:
                yield from opening.opened(playwright, chromium, base)
                yield from opening.shifts(playwright, chromium, base)
            yield work.busy(playwright, chromium, base, rate, most)
            if rate == 5:
                yield from tabs.shared(playwright, chromium, base)
    yield from hour.kept(playwright, chromium)
