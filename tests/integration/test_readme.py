"""What README.md and docs/client.md tell a newcomer to type does what they say, in a demo as `make demo` runs it."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.integration.test_local_demo import Demo, demo
from tests.watchdog import WATCHDOG

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="children are found by way of /proc"),
    pytest.mark.skipif(shutil.which("curl") is None, reason="curl is missing"),
]

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
CLIENT = (ROOT / "docs" / "client.md").read_text()


class Shell:
    """A terminal: what is typed, and what comes on the screen."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            ["/bin/sh"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            env={key: value for key, value in os.environ.items() if not key.startswith("AWS_")}, start_new_session=True,
        )  # fmt: skip
        self.screen = ""
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        while text := os.read(self.process.stdout.fileno(), 65_536):
            self._lines.put(text.decode())

    def type(self, line: str) -> None:
        """One line and Enter."""
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until(self, seen: Callable[[str], object]) -> str:
        """Everything that came up since the last call, once it is what is awaited."""
        while not seen(self.screen):
            try:
                self.screen += self._lines.get(timeout=WATCHDOG)
            except queue.Empty:
                pytest.fail(f"it did not come: {self.screen}")
        came, self.screen = self.screen, ""
        return came

    def end(self) -> None:
        """With everything that runs in the background."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


@contextmanager
def shell(folder: Path) -> Iterator[Shell]:
    """A terminal until the block ends."""
    terminal = Shell(folder)
    try:
        yield terminal
    finally:
        terminal.end()


def tickers(screen: str) -> set[str]:
    """Of the updates on the screen."""
    return set(re.findall(r'event: sentiment_update\ndata: .*?"ticker":"([^"]+)"', screen))


@pytest.fixture
def running_demo(tmp_path: Path) -> Iterator[Demo]:
    with demo(tmp_path, "--port", "0", "--rate", "40", "--seed", "3") as it:
        yield it


def test_the_try_with_curl_runs_as_it_stands(running_demo: Demo, tmp_path: Path) -> None:
    (block,) = re.findall(r"### Try it with curl.*?```sh\n(.*?)```", CLIENT, re.DOTALL)
    names, create, remember, stream, change, again, grace, delete = block.splitlines()
    [found] = running_demo.found
    with shell(tmp_path) as terminal:
        terminal.type(names.replace("http://127.0.0.1:8080", found.base_url))
        terminal.type(create)
        assert '"tickers":["NVDA","AMD"]' in terminal.until(lambda screen: '"etag"' in screen)
        terminal.type(remember)
        terminal.type(stream)
        before = terminal.until(lambda screen: tickers(screen) == {"NVDA", "AMD"})
        assert '"tickers":["AMD","NVDA"]' in before
        terminal.type(change)
        changed = terminal.until(lambda screen: "configuration_changed" in screen and {"TSLA", "F"} <= tickers(screen))
        assert '"tickers":["TSLA","F"]' in changed
        assert tickers(changed.partition("event: reset")[2]) == {"TSLA", "F"}
        assert "event: connected" not in changed, "it is the same connection"
        terminal.type(again)
        terminal.until(lambda screen: '"status":412' in screen)
        terminal.type(grace)
        terminal.until(lambda screen: "Configuration not found" in screen)
        terminal.type(delete)
        terminal.until(lambda screen: "configuration_gone" in screen)
        terminal.type("wait; echo the stream has ended")
        assert not tickers(terminal.until(lambda screen: "the stream has ended" in screen)) - {"TSLA", "F"}


def test_the_line_that_the_demo_prints_is_a_users_stream(running_demo: Demo, tmp_path: Path) -> None:
    line = re.search(r"one user's +(curl .*)", running_demo.listing)
    assert line
    with shell(tmp_path) as terminal:
        terminal.type(f"{line[1]} 2>/dev/null &")
        came = terminal.until(lambda screen: len(tickers(screen)) > 1)
        assert tickers(came) <= {"NVDA", "AMD", "INTC", "TSM"}


def test_the_readme_shows_what_the_demo_prints(running_demo: Demo) -> None:
    shown = re.search(r"```\n(The whole path runs.*?)```", README, re.DOTALL)
    assert shown
    printed = [row.split()[0] for row in running_demo.listing.splitlines() if row.startswith("  ")]
    assert [row.split()[0] for row in shown[1].splitlines() if row.startswith("  ")] == printed
