"""Debian's chromium for a test, or a reason why there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.browser.tools import tool
from tests.watchdog import WATCHDOG

# As root, chromium has no sandbox; the rest keeps it from looking for Google's hosts at every start.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

BAD = ("warning", "error")
"""Messages of the console that no test tolerates."""


def executable() -> str:
    """The path of chromium. Skips or fails the test where it is not installed (see `tool`)."""
    return tool("chromium", shutil.which("chromium"), "apt install chromium")


def command(profile: Path, url: str) -> list[str]:
    """How to open a page in a new profile."""
    return [executable(), *FLAGS, "--headless", f"--user-data-dir={profile}", url]


@contextmanager
def launched(*flags: str, without: Sequence[str] = (), whole: bool = False) -> Iterator[Browser]:
    """A running chromium, with more flags, and without some of playwright's. `whole`: with what the headless shell
    lacks, as the back/forward cache. Playwright's sync API holds the thread's event loop meanwhile: keep no async test
    inside."""
    # The headless shell is chromium without windows and toolbars, which take half of the time of a short test.
    path = (None if whole else shutil.which("chromium-headless-shell")) or executable()
    expect.set_options(timeout=WATCHDOG * 1_000)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=[*FLAGS, *flags], ignore_default_args=list(without)
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(browser: Browser, *hosts: str, known: Iterable[str] = ()) -> Iterator[Page]:
    """A page in a context of its own. At the end nothing may have gone wrong on it: no warning or error in the console,
    no exception, no request to any but these hosts. What a test provokes, it names by a part in `known`."""
    complaints: list[str] = []
    with browser.new_context(reduced_motion="reduce") as context:
        context.set_default_timeout(WATCHDOG * 1_000)
        page = context.new_page()
        page.on("console", lambda it: complaints.append(f"{it.text} {it.location}") if it.type in BAD else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda it: None if it.url.startswith((*hosts, "data:")) else complaints.append(it.url))
        yield page
    unknown = [text for text in complaints if not any(part in text for part in known)]
    assert not unknown, f"the browser complains: {unknown}"
