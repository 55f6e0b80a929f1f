"""The dashboard in chromium, against a stream that each test speaks itself."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.scripted import ScriptedServer, Stream, begin, iso

MEASURED = re.compile(r"[\d.]+ m?s")
"""A latency, on however busy a machine."""
REPLAY = {"replay": "5", "on_full": "wait"}
"""What the page asks a stream for that it has no place of."""


SECOND = pytest.mark.slow("what matters most of the page is in the first tier")


def opened(page: Page, server: ScriptedServer, *replay: dict[str, Any], query: str = "", retry_ms: int = 20) -> Stream:
    """The page once it is live and, unless the test holds the answer back, has its snapshot: until then it has no
    place."""
    page.goto(server.url + query)
    stream = server.accept()
    begin(stream, *replay, retry_ms=retry_ms)
    live(page)
    if server.snapshots_wait is None:
        settled(page)
    return stream


def live(page: Page) -> None:
    """Returns when the page says so."""
    expect(page.locator("#status")).to_contain_text("Live. Changes arrive")


def settled(page: Page) -> None:
    """Returns when the page has its snapshot."""
    expect(page.locator("#feed")).to_have_attribute("aria-busy", "false")


def rows(page: Page) -> Locator:
    """Of the feed, the newest first."""
    return page.locator("#feed > li")


def sources(page: Page) -> Locator:
    """Of the rows; the `title` is the id."""
    return rows(page).locator(".source")


def board(page: Page) -> Locator:
    """The tickers of the board's rows."""
    return page.locator("#board tbody th")


def count(stream: Stream, by_tag: dict[str, int] | None = None, **changes: Any) -> None:
    """Send `metrics`."""
    counts: dict[str, Any] = {"total": 1200, "positive": 600, "neutral": 300, "negative": 300}
    rates = {"rate_last_hour": 4.5, "rate_last_24h": 0.83, "since": iso(), "timestamp": iso()}
    stream.send("metrics", **{**counts, **rates, "by_tag": by_tag or {}} | changes)


def chosen(page: Page, button: str) -> Locator:
    """Opens a panel by its button → the panel."""
    opener = page.get_by_role("navigation").get_by_role("button", name=button)
    opener.click()
    panel = page.locator(f"#{opener.get_attribute('popovertarget')}")
    expect(panel).to_be_visible()
    return panel


def frozen(page: Page, at: datetime | None = None) -> None:
    """Before the page is opened: its wall clock stands still, until `later`. `at`: the time that it shows."""
    page.add_init_script(f"""
      let now = {"Date.now()" if at is None else round(at.timestamp() * 1000)};
      Date.now = () => now;
      window.later = (ms) => {{ now += ms; }};
    """)


def later(page: Page, seconds: float) -> None:
    """As if the time had passed in which no timer of the page ran."""
    page.evaluate("(ms) => window.later(ms)", seconds * 1000)


def hide(page: Page, hidden: bool = True) -> None:
    """As if another tab were in front."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )
