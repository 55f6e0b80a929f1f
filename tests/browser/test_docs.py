"""The API's page in chromium: it works without any other host, within its policy."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import expect

from tests.browser.chromium import launched
from tests.integration.rig import running
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.browser


@contextmanager
def served() -> Iterator[str]:
    """The application in a thread with a loop of its own, since playwright holds this one's."""
    found: list[str] = []
    ready, over = threading.Event(), threading.Event()

    async def serve() -> None:
        async with running() as rig:
            found.append(rig.base)
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    ready.wait(WATCHDOG)
    try:
        yield found[0]
    finally:
        over.set()
        thread.join()


def test_the_api_is_shown_without_any_other_host() -> None:
    heard: list[str] = []
    foreign: list[str] = []
    with served() as base, launched() as browser:
        page = browser.new_page()
        page.on("console", lambda message: heard.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: heard.append(str(error)))
        page.on("request", lambda it: None if it.url.startswith((base, "data:")) else foreign.append(it.url))
        page.goto(f"{base}/docs")
        expect(page.locator(".opblock")).to_have_count(13)
        page.get_by_text("Make a configuration").click()
        expect(page.locator(".opblock.is-open")).to_contain_text("409")
    assert (heard, foreign) == ([], [])
