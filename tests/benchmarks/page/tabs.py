"""Many tabs of one browser."""

from __future__ import annotations

from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Playwright, Request

from tests.benchmarks.page.chromium import browser
from tests.benchmarks.page.figure import Figure

_TABS = 20
_SETTLE = 3000


def shared(playwright: Playwright, executable: str, base: str) -> list[Figure]:
    """Returns the streams that the service counts, and the snapshots that the tabs ask for. The first tab asks for its
    first rows before its stream is open, and for the stream's snapshot afterwards."""
    asked: list[str] = []

    def note(request: Request) -> None:
        if urlsplit(request.url).path == "/api/v2/sentiment":
            asked.append(request.url)

    with browser(playwright, executable) as launched, launched.new_context() as context:
        context.on("request", note)
        for _ in range(_TABS):
            page = context.new_page()
            page.goto(base)
            page.wait_for_selector("#feed > *")
        page.wait_for_timeout(_SETTLE)
        status = httpx.get(f"{base}api/v2/stream/status", trust_env=False).json()
    return [
        Figure(f"streams of {_TABS} tabs", 1, status["connections"]),
        Figure(f"snapshots of {_TABS} tabs, the first rows' included", 2, len(asked)),
    ]
