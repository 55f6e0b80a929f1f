"""Debian's chromium for a test, or a reason why there is none."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright

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
    """The path of chromium. Skips the test where it is not installed, and fails it where the environment variable
    `REQUIRE_TOOLS` (names separated by commas or spaces) lists `chromium`."""
    path = shutil.which("chromium")
    if path is None:
        reason = "chromium is not installed (Debian: apt install chromium)"
        if "chromium" in os.environ.get("REQUIRE_TOOLS", "").replace(",", " ").split():
            pytest.fail(reason)
        pytest.skip(reason)
    return path


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
