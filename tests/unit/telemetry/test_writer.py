"""A thread writes the lines, and a caller never waits for a reader."""

from __future__ import annotations

import logging
import os

import pytest

from streamer.telemetry.counters import Counters
from streamer.telemetry.report import EmfReport
from streamer.telemetry.writer import LineWriter
from tests.watchdog import WATCHDOG


def writer(descriptor: int) -> LineWriter:
    """Owned by a report, which has no lines of its own."""
    report = EmfReport(Counters(), dict, deployment="d", interval=60, now_ms=lambda: 0)
    return LineWriter(descriptor, "metrics", report)


def ended(written: LineWriter, timeout: float = WATCHDOG) -> bool:
    written.close()
    return written.join(timeout)


def test_lines_come_in_order_and_whole(pipe: tuple[int, int]) -> None:
    lines = writer(pipe[1])
    lines.start()
    assert lines.put(b"one\ntwo\n")
    assert lines.put(b"three\n")
    assert ended(lines, WATCHDOG)
    assert os.read(pipe[0], 100) == b"one\ntwo\nthree\n"


def test_a_pipe_that_nobody_reads_holds_up_the_thread_alone(pipe: tuple[int, int]) -> None:
    lines = writer(pipe[1])
    lines.start()
    line = b"x" * 100_000 + b"\n"  # a pipe holds 64 KB
    put = 0
    while lines.put(line):
        put += 1
    assert put >= 8, "until there is no room"
    assert not ended(lines, 0.01)
    taken = b""
    while len(taken) < put * len(line):
        taken += os.read(pipe[0], 1_000_000)
    assert taken == line * put, "once somebody reads, nothing is lost"
    assert ended(lines, WATCHDOG)


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    lines = writer(pipe[1])
    lines.start()
    assert lines.put(b"x" * 1_000_001)
    taken = b""
    while len(taken) < 1_000_001:
        taken += os.read(pipe[0], 1_000_000)
    assert ended(lines, WATCHDOG)


def test_a_closed_pipe_is_told_once(pipe: tuple[int, int], caplog: pytest.LogCaptureFixture) -> None:
    os.close(pipe[0])
    lines = writer(pipe[1])
    lines.start()
    with caplog.at_level(logging.WARNING):
        lines.put(b"one\n")
        lines.flush(WATCHDOG)
        lines.put(b"two\n")
        assert ended(lines, WATCHDOG)
    assert caplog.messages == ["metrics cannot be written to stdout"]


def test_what_never_began_is_closed() -> None:
    assert ended(writer(-1), 0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_told_once_and_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    lines = writer(full)
    lines.start()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            lines.put(b"one\n")
            lines.flush(WATCHDOG)
        assert ended(lines, WATCHDOG)
    os.close(full)
    assert caplog.messages == ["metrics cannot be written to stdout"]
