"""What becomes of a test that hangs: it alone fails, by its name, and the run goes on to its summary."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow("one of its tests hangs until it is killed")

TESTS = """
import asyncio, os, subprocess, sys, threading
from pathlib import Path
import pytest
from tests.hang import overheard

FOREVER = [sys.executable, "-c", "import time; time.sleep(3600)"]

def start():
    process = subprocess.Popen(FOREVER)
    Path(os.environ["PIDS"]).open("a").write(f"{process.pid}\\n")
    return process

def test_before():
    pass

async def test_awaiting():
    async def stuck():
        await asyncio.Event().wait()
    with overheard("the service", lambda: "its first line\\nits last line"):
        start()
        await asyncio.create_task(stuck(), name="the stuck task")

def test_joining():
    process = start()
    thread = threading.Thread(target=process.wait, name="the joined thread", daemon=True)
    thread.start()
    thread.join()

def test_deaf():
    start()
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass

def test_after():
    pass
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, list[int]]:
    """The output of a run, and the processes that its tests left to others to end."""
    folder = tmp_path_factory.mktemp("hangs")
    (folder / "test_hangs.py").write_text(TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\ntimeout = 1\n")
    done = subprocess.run(
        [
            sys.executable, "-m", "pytest", "-p", "tests.hang", "-p", "no:cacheprovider", "-n", "1", "-v",
            "-c", str(folder / "pytest.ini"), str(folder),
        ],
        env=os.environ | {"PIDS": str(folder / "pids"), "HANG_LAST": "1", "PYTHONPATH": os.getcwd()},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout + done.stderr, [int(pid) for pid in (folder / "pids").read_text().split()]


def test_the_others_pass_and_there_is_a_summary(run: tuple[str, list[int]]) -> None:
    output, _ = run
    assert "3 failed, 2 passed" in output
    for name in ("test_awaiting", "test_joining", "test_deaf"):
        assert re.search(rf"^FAILED .*::{name}\b", output, re.MULTILINE)


def test_it_says_where_it_stands_and_what_its_processes_said(run: tuple[str, list[int]]) -> None:
    output, _ = run
    assert "test_awaiting did not end within 1 s" in output
    assert "--- task the stuck task" in output
    assert "--- thread the joined thread" in output
    assert "its last line" in output
    assert "test_deaf cannot be ended" in output


def test_nothing_that_it_started_is_left(run: tuple[str, list[int]]) -> None:
    _, pids = run
    assert len(pids) == 3
    assert [pid for pid in pids if alive(pid)] == []


def alive(pid: int) -> bool:
    """Whether the process runs: an orphan that has ended may still wait for init to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
