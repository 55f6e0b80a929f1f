"""A running demo can be found, by its user alone, for as long as it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamer.local.discovery import RunningDemo, announced, default_folder, running
from streamer.local.resources import Resources

RESOURCES = Resources(
    endpoint_url="http://127.0.0.1:4000",
    sentiment_table="sentiment",
    sentiment_stream_arn="arn:sentiment",
    users_table="users",
    users_stream_arn="arn:users",
    topic_arn="arn:topic",
    failure_queue_url="http://127.0.0.1:4000/queue",
)


def demo(pid: int = os.getpid()) -> RunningDemo:
    return RunningDemo(pid, "http://127.0.0.1:8080", RESOURCES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "demos"


def test_it_is_found_while_it_runs_and_leaves_nothing_behind(folder: Path) -> None:
    with announced(demo(), folder) as path:
        assert running(folder) == [demo()]
        assert path.stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700
    assert running(folder) == []
    assert not folder.exists()


def test_the_newest_of_several_comes_first(folder: Path) -> None:
    with announced(demo(1), folder) as older, announced(demo(2), folder) as newer:
        os.utime(older, (1_000, 1_000))
        os.utime(newer, (2_000, 2_000))
        assert [each.pid for each in running(folder)] == [2, 1]


def test_a_demo_that_was_killed_is_not_found_and_its_file_is_taken_away(folder: Path) -> None:
    code = f"""
import time
from pathlib import Path
from streamer.local.discovery import announced
from tests.unit.local.test_discovery import demo
with announced(demo(4_000_000), Path({str(folder)!r})):
    print("announced", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "announced\n"
        assert [each.pid for each in running(folder)] == [4_000_000]
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert len(list(folder.iterdir())) == 1
    assert running(folder) == []
    assert list(folder.iterdir()) == []


def test_a_file_that_nobody_can_read_is_passed_over(folder: Path) -> None:
    with announced(demo(), folder) as path:
        path.write_text("{")
        assert running(folder) == []


def test_a_folder_that_others_may_write_to_is_not_trusted(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o777)
    assert running(folder) == []
    with pytest.raises(PermissionError, match="writable by other users"), announced(demo(), folder):
        pytest.fail("it was announced")


def test_the_folder_is_the_users_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert default_folder() == tmp_path / "sentiment-streamer"
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "missing"))
    assert default_folder().name == f"sentiment-streamer-{os.getuid()}"
