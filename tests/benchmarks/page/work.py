"""What an open page takes of the main thread."""

from __future__ import annotations

from playwright.sync_api import Playwright

from tests.benchmarks.page.chromium import Inspector, browser, new_page
from tests.benchmarks.page.figure import Figure

_SETTLE = 8000
"""Milliseconds until the page is built."""
_SECONDS = 10.0


def busy(playwright: Playwright, executable: str, base: str, rate: float, most: float) -> Figure:
    """Returns the share of the main thread, in percent."""
    with browser(playwright, executable) as launched:
        page = new_page(launched)
        page.goto(base)
        page.wait_for_timeout(_SETTLE)
        return Figure(f"main thread, {rate:g} changes/s", most, Inspector(page).busy(_SECONDS), " %", 1)
