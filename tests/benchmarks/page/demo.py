"""`streamer demo` on loopback, with changes at a chosen rate."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

_LONGEST = 600
"""Seconds, after which a demo ends by itself."""


@contextmanager
def demo(rate: float, fill: float) -> Iterator[str]:
    """The URL of a running demo that has written `rate` changes a second for `fill` seconds."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "streamer.cli", "demo", "--port", "0", "--rate", str(rate)]
        process = subprocess.Popen(
            [*command, "--for", str(_LONGEST)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"XDG_RUNTIME_DIR": folder},
        )
        try:
            base = _base(process)
            time.sleep(fill)
            yield base
        finally:
            process.terminate()
            process.communicate()


def _base(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    listing = ""
    for line in process.stdout:
        listing += line
        if line.strip().startswith("writing") and (found := re.search(r"http://127\.0\.0\.1:\d+/", listing)):
            return found[0]
    raise RuntimeError(f"the demo did not start: {listing}")
