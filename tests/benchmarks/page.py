"""From the navigation to the page's first row, in Chromium, while the demo writes 50 changes a second."""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from playwright.sync_api import sync_playwright

from tests.browser.chromium import FLAGS

_RUNS = 5
_RATE = 50
_FILL = 60.0
"""Seconds of writing before the first navigation."""
_LOOK = """window.firstRow = new Promise((resolve) => {
  const look = () =>
    document.querySelector("#feed > *") ? resolve(performance.now()) : requestAnimationFrame(look);
  look();
});"""
"""Runs before the page's own scripts. Milliseconds since the navigation began, to a frame."""


def main() -> None:
    """Prints the median and the slowest of all runs, each in a profile of its own."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("page: left out; install chromium (a Debian package)")
        return
    with tempfile.TemporaryDirectory() as folder:
        demo = subprocess.Popen(
            [sys.executable, "-m", "streamer.cli", "demo", "--port", "0", "--rate", str(_RATE), "--for", "300"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"XDG_RUNTIME_DIR": folder},
        )
        try:
            base = _base(demo)
            time.sleep(_FILL)
            found = []
            with sync_playwright() as playwright:
                for _ in range(_RUNS):
                    browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
                    page = browser.new_page()
                    page.add_init_script(_LOOK)
                    page.goto(base, wait_until="commit")
                    found.append(page.evaluate("firstRow") / 1000)
                    browser.close()
        finally:
            demo.terminate()
            demo.communicate()
    print(f"the page's first row at {_RATE} changes/s, median of {_RUNS} navigations (aim: within 0.5 s)")
    print(f"  first row   {statistics.median(found):6.2f} s   slowest {max(found):.2f} s")


def _base(demo: subprocess.Popen[str]) -> str:
    assert demo.stdout is not None
    listing = ""
    for line in demo.stdout:
        listing += line
        if line.strip().startswith("writing") and (found := re.search(r"http://127\.0\.0\.1:\d+/", listing)):
            return found[0]
    raise RuntimeError("the demo did not start")
