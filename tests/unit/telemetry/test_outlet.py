"""Lines go out by a thread, and whoever puts them never waits for who should read them."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator

import pytest

from streamer.telemetry.outlet import Outlet
from tests.watchdog import WATCHDOG


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        try:
            os.close(end)
        except OSError:
            continue  # the test did


def test_lines_come_in_order_and_whole(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    outlet.start()
    outlet.put(["one", "two"])
    outlet.put(["three"])
    assert outlet.close(WATCHDOG)
    assert os.read(pipe[0], 100) == b"one\ntwo\nthree\n"


def test_a_pipe_that_nobody_reads_holds_up_the_thread_alone(pipe: tuple[int, int]) -> None:
    outlet = Outlet(pipe[1])
    outlet.start()
    line = "x" * 100_000  # a pipe holds 64 KB
    put = 0
    while outlet.ready():
        outlet.put([line])
        put += 1
    assert not outlet.close(0.01)
    taken = b""
    while len(taken) < put * (len(line) + 1):
        taken += os.read(pipe[0], 1_000_000)
    assert taken == f"{line}\n".encode() * put, "once somebody reads, nothing is lost"
    assert outlet.close(WATCHDOG)


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    outlet = Outlet(pipe[1])
    outlet.start()
    outlet.put(["x" * 1_000_000])
    taken = b""
    while len(taken) < 1_000_001:
        taken += os.read(pipe[0], 1_000_000)
    assert outlet.close(WATCHDOG)


def test_a_closed_pipe_is_told_once(pipe: tuple[int, int], caplog: pytest.LogCaptureFixture) -> None:
    os.close(pipe[0])
    outlet = Outlet(pipe[1])
    outlet.start()
    with caplog.at_level(logging.WARNING):
        outlet.put(["one"])
        outlet.put(["two"])
        assert outlet.close(WATCHDOG)
    assert caplog.messages == ["metrics cannot be written to stdout"]


def test_what_never_began_is_closed() -> None:
    assert Outlet(-1).close(0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
def test_a_full_disk_is_told_once_and_holds_up_nobody(caplog: pytest.LogCaptureFixture) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    outlet = Outlet(full)
    outlet.start()
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            outlet.put(["one"])
        assert outlet.close(WATCHDOG)
    os.close(full)
    assert caplog.messages == ["metrics cannot be written to stdout"]
