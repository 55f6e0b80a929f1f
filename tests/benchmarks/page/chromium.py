"""Debian's chromium, and what its developer tools' protocol says of a page."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, CDPSession, Page, Playwright

from tests.browser.chromium import FLAGS

DESKTOP = (1440, 900)


@contextmanager
def browser(playwright: Playwright, executable: str) -> Iterator[Browser]:
    """A new browser with a new profile."""
    launched = playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
    try:
        yield launched
    finally:
        launched.close()


def new_page(browser: Browser, size: tuple[int, int] = DESKTOP, *, script: str = "") -> Page:
    """A page of `size` pixels in a context of its own. `script` runs before the page's own scripts."""
    width, height = size
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    if script:
        page.add_init_script(script)
    return page


class Inspector:
    """Figures of one page's process."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._session: CDPSession = page.context.new_cdp_session(page)
        # CPU time: on a busy machine, a task's time contains those of others.
        self._session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def busy(self, seconds: float) -> float:
        """Returns the share of the next seconds that the tasks of the main thread take of a core, in percent."""
        before, began = self._metrics(), time.monotonic()
        self._page.wait_for_timeout(seconds * 1000)
        after = self._metrics()
        return 100 * (after["TaskDuration"] - before["TaskDuration"]) / (time.monotonic() - began)

    def heap(self) -> float:
        """Returns the megabytes of scripts that are still in use. Without those of the shared worker."""
        self._session.send("HeapProfiler.collectGarbage")
        return self._metrics()["JSHeapUsedSize"] / 1e6

    def elements(self) -> int:
        """Returns the number of elements of the document."""
        return int(self._page.evaluate("document.querySelectorAll('*').length"))

    def _metrics(self) -> dict[str, float]:
        metrics = self._session.send("Performance.getMetrics")["metrics"]
        return {metric["name"]: metric["value"] for metric in metrics}
