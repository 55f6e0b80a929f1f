"""The demo as a person runs it: it streams, moves to a free port, ends when told or killed, and leaves nothing."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pytest

from streamer.local.discovery import RunningDemo, running
from streamer.local.ports import listener
from streamer.local.sign_in import COOKIE
from tests.hang import overheard
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="children are found by way of /proc")


class Demo:
    """A demo in a process of its own. Its children are watched by descriptors, which name a process for good."""

    def __init__(self, folder: Path, *options: str, program: tuple[str, ...] = ("-m", "streamer.cli")) -> None:
        self._folder = folder
        self.process = subprocess.Popen(
            [sys.executable, *program, "demo", *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"XDG_RUNTIME_DIR": str(folder)},
        )
        self.listing = ""
        self.children: dict[str, int] = {}
        self._watched: list[int] = []

    @property
    def stdout(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def wait_until_up(self) -> None:
        for line in self.stdout:
            self.listing += line
            if line.strip().startswith("writing"):
                break
        else:
            pytest.fail(f"it did not start: {self.listing}{self.process.communicate()[1]}")
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
            self.children[arguments[arguments.index("--child") + 1]] = int(pid)
            self._watched.append(os.pidfd_open(int(pid)))

    @property
    def found(self) -> list[RunningDemo]:
        return running(self._folder / "sentiment-streamer")

    def all_gone(self, within: float = WATCHDOG) -> bool:
        """Whether each child has ended, or does so soon."""
        return all(select.select([watched], [], [], within)[0] for watched in self._watched)

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        for watched in self._watched:
            with suppress(ProcessLookupError):  # all have gone, unless the test has just failed
                signal.pidfd_send_signal(watched, signal.SIGKILL)
            os.close(watched)


@contextmanager
def demo(folder: Path, *options: str, program: tuple[str, ...] = ("-m", "streamer.cli")) -> Iterator[Demo]:
    running_demo = Demo(folder, *options, program=program)
    try:
        with overheard("streamer demo", lambda: running_demo.listing):
            running_demo.wait_until_up()
            yield running_demo
    finally:
        running_demo.close()


def refused(url: str) -> bool:
    host, _, port = url.removeprefix("http://").rpartition(":")
    with socket.socket() as sock:
        return sock.connect_ex((host, int(port))) != 0


def first_update(base_url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{base_url}/api/v2/stream?events=sentiment_update", timeout=WATCHDOG) as response:
        following = False
        for line in response:
            if following and line.startswith(b"data: "):
                update: dict[str, object] = json.loads(line.removeprefix(b"data: "))
                return update
            following = following or line == b"event: sentiment_update\n"
    raise AssertionError("the stream ended")


def allowed(url: str) -> dict[str, str]:
    """What a page of another origin may do there, with the user's cookies."""
    request = urllib.request.Request(url, headers={"Origin": "http://localhost:5173", "Cookie": f"{COOKIE}=ada"})
    with urllib.request.urlopen(request, timeout=WATCHDOG) as response:
        headers = {name.lower(): value for name, value in response.headers.items()}
    return {name: headers[name] for name in headers if name.startswith("access-control-allow-")}


def test_it_streams_from_a_free_port_and_leaves_nothing_when_told_to_end(tmp_path: Path) -> None:
    with listener() as busy:
        port = busy.getsockname()[1]
        with demo(tmp_path, "--port", str(port), "--rate", "20", "--seed", "7") as it:
            assert set(it.children) == {"aws", "relay", "writer", "serve"}
            # A terminal's Ctrl-C goes to a whole group: the demo alone hears it.
            assert all(os.getpgid(child) == child for child in it.children.values())
            [found] = it.found
            assert found.pid == it.process.pid
            assert f"{found.base_url}/\n" in it.listing
            assert f"Port {port} is in use; this is port " in it.listing
            update = first_update(found.base_url)
            assert update["label"] in ("positive", "neutral", "negative")
            assert update["updated_at"]
            assert allowed(f"{found.base_url}/api/v2/sentiment") == {"access-control-allow-origin": "*"}
            it.process.send_signal(signal.SIGINT)
            said, complaints = it.process.communicate(timeout=WATCHDOG)
            assert (it.process.returncode, complaints) == (0, "")
            assert "Traceback" not in said
            assert it.all_gone(within=0)
            assert refused(found.base_url)
            assert refused(found.resources.endpoint_url)
            assert list(tmp_path.iterdir()) == []


@pytest.mark.slow("a demo of its own")
def test_everything_ends_when_the_demo_is_killed(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as it:
        [found] = it.found
        it.process.kill()
        assert it.all_gone()
        assert refused(found.base_url)
        assert it.found == []


@pytest.mark.slow("a demo of its own")
def test_a_part_that_dies_is_named_and_ends_the_demo(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0") as it:
        os.kill(it.children["writer"], signal.SIGKILL)
        _, complaints = it.process.communicate(timeout=WATCHDOG)
        assert it.process.returncode == 1
        assert complaints.startswith("streamer demo: writer was killed by signal 9; its last lines:\n")
        assert it.all_gone()
        assert it.found == []


def test_it_ends_by_itself_after_the_time_given(tmp_path: Path) -> None:
    with demo(tmp_path, "--port", "0", "--for", "0.1", "--verbose") as it:
        said, complaints = it.process.communicate(timeout=WATCHDOG)
        assert (it.process.returncode, complaints) == (0, "")
        assert "serve: info: serving" in it.listing
        assert "Traceback" not in said
        assert it.all_gone()


LOST_RACE = """
from streamer.cli import main
from streamer.local import demo
look = demo.first_free
answers = iter([True])
demo.first_free = lambda port: port if next(answers, False) else look(port)
main()
"""


@pytest.mark.slow("a demo of its own")
def test_a_port_that_somebody_takes_at_the_last_moment_is_left_to_them(tmp_path: Path) -> None:
    with listener() as busy:
        port = busy.getsockname()[1]
        with demo(tmp_path, "--port", str(port), "--for", "0.1", program=("-c", LOST_RACE)) as it:
            _, complaints = it.process.communicate(timeout=WATCHDOG)
            assert (it.process.returncode, complaints) == (0, "")
            assert f"Port {port} is in use; this is port " in it.listing
