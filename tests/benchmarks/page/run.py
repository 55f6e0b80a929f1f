"""All figures of the page, in one table."""

from __future__ import annotations

import shutil

from playwright.sync_api import sync_playwright

from tests.benchmarks.page import hour, opening, tabs, work
from tests.benchmarks.page.demo import demo
from tests.benchmarks.page.figure import Figure, table

_BUSY = {5: 5.0, 50: 10.0, 200: 15.0}
"""Changes a second → aim in percent."""
_FILL = {5: 10.0, 50: 40.0, 200: 10.0}
"""Seconds of writing before the first navigation."""


def main() -> None:
    """Prints the table. Takes about five minutes."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("page: left out; install chromium (a Debian package)")
        return
    figures: list[Figure] = []
    with sync_playwright() as playwright:
        for rate, most in _BUSY.items():
            with demo(rate, _FILL[rate]) as base:
                if rate == 50:
                    figures += opening.opened(playwright, chromium, base)
                    figures += opening.shifts(playwright, chromium, base)
                figures.append(work.busy(playwright, chromium, base, rate, most))
                if rate == 5:
                    figures += tabs.shared(playwright, chromium, base)
        figures += hour.kept(playwright, chromium)
    print(
        "the page in chromium, on the same machine as the demo, whose processes take up to a core of it;"
        "\n  opened at 50 changes/s, each time in a new profile, median of 5 navigations"
    )
    print(table(figures))
