"""Debian's chromium for a test, or a reason why there is none."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.tools import tool

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


def executable() -> str:
    """The path of chromium. Skips or fails the test where it is not installed (see `tool`)."""
    return tool("chromium", shutil.which("chromium"), "apt install chromium")


def command(profile: Path, url: str) -> list[str]:
    """How to open a page in a new profile."""
    return [executable(), *FLAGS, "--headless", f"--user-data-dir={profile}", url]


@contextmanager
def launched() -> Iterator[Browser]:
    """A running chromium. Playwright's sync API holds the thread's event loop meanwhile: keep no async test inside."""
    path = executable()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()
