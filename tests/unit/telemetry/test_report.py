"""One line an interval: deltas of what was counted, samples, and once a minute how things stand."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any, cast

import pytest

from streamer.telemetry.counters import Counters
from streamer.telemetry.report import EmfReport, NoReport
from streamer.telemetry.writer import LineWriter
from tests.watchdog import WATCHDOG

MINUTE_MS = 1_795_359_360_000
"""2026-11-22T14:56:00Z."""


class Kept(LineWriter):
    """Keeps what is put; reads nothing while `stuck`."""

    def __init__(self) -> None:
        super().__init__(-1, "metrics", cast("Any", None))
        self.lines: list[dict[str, Any]] = []
        self.stuck = self.closed = False

    def start(self) -> None:
        """No thread is needed."""

    @property
    def waiting(self) -> int:
        return 4 if self.stuck else 0

    def put(self, line: bytes) -> bool:
        self.lines += map(json.loads, line.splitlines())
        return True

    def close(self) -> None:
        self.closed = True

    def join(self, timeout: float) -> bool:
        return not self.stuck


class Bench:
    """A report whose clock the test turns."""

    def __init__(self, interval: float = 10, now_ms: int = MINUTE_MS + 3_000) -> None:
        self.now_ms = now_ms
        self.counters = Counters()
        self.counters.add("queries", 5)
        self.writer = Kept()
        self.gauges: dict[str, float | None] = {"streams_open": 2, "canary_age": None}
        self.report = EmfReport(
            self.counters,
            lambda: self.gauges,
            deployment="prod",
            interval=interval,
            now_ms=lambda: self.now_ms,
            writer=self.writer,
        )
        self.report.begin()

    def at(self, seconds: float) -> dict[str, Any]:
        """The line that a tick so many seconds after the minute makes."""
        self.now_ms = MINUTE_MS + round(seconds * 1000)
        before = len(self.writer.lines)
        self.report.tick()
        (line,) = self.writer.lines[before:]
        return line


async def test_counters_are_said_as_what_came_since_the_line_before() -> None:
    bench = Bench()
    bench.counters.add("queries", 2)
    bench.counters.add("table_requests")
    line = bench.at(10.02)
    assert (line["queries"], line["table_requests"], line["streams_slow"]) == (2, 1, 0)
    assert bench.at(20)["queries"] == 0
    await bench.report.end()


async def test_a_line_is_dated_within_the_interval_that_it_counts() -> None:
    bench = Bench()
    assert bench.at(60.3)["_aws"]["Timestamp"] == MINUTE_MS + 59_999
    await bench.report.end()


@pytest.mark.parametrize("interval", [10, 14, 45, 60])
async def test_gauges_are_said_once_in_each_minute(interval: int) -> None:
    bench = Bench(interval)
    lines = [
        bench.at(moment + 0.01) for moment in range(interval, 601, interval) if (MINUTE_MS // 1000) % interval == 0
    ]
    if not lines:  # an interval that the minute is no multiple of
        first = interval - (MINUTE_MS // 1000) % interval
        lines = [bench.at(moment + 0.01) for moment in range(first, 601, interval)]
    minutes = [line["_aws"]["Timestamp"] // 60_000 for line in lines if "streams_open" in line]
    assert minutes == list(range(MINUTE_MS // 60_000, MINUTE_MS // 60_000 + len(minutes)))
    assert len(minutes) >= 9
    assert "canary_age" not in lines[0], "what is not known is left out"
    await bench.report.end()


async def test_samples_are_said_by_value_and_only_where_there_are_any() -> None:
    bench = Bench()
    for value in (5.0, 5.2, 80.0):
        bench.report.sample("committed_to_sent", value)
    line = bench.at(10)
    assert (line["committed_to_sent"]["Values"], line["committed_to_sent"]["Counts"]) == ([5, 80], [2, 1])
    assert "received_to_sent" not in line
    assert "committed_to_sent" not in bench.at(20)
    await bench.report.end()


async def test_while_nobody_reads_everything_is_left_to_the_next_line() -> None:
    bench = Bench()
    bench.writer.stuck = True
    for second in (10, 20):
        bench.counters.add("queries")
        bench.report.sample("committed_to_sent", 7)
        bench.now_ms = MINUTE_MS + second * 1000
        bench.report.tick()
    assert bench.writer.lines == []
    bench.writer.stuck = False
    line = bench.at(30)
    assert (line["queries"], line["flushes_delayed"], line["streams_open"]) == (2, 2, 2)
    assert line["committed_to_sent"]["Counts"] == [2]
    await bench.report.end()


async def test_a_timer_that_is_a_moment_early_says_nothing_yet() -> None:
    bench = Bench()
    bench.now_ms = MINUTE_MS + 9_999
    bench.report.tick()
    assert bench.writer.lines == []
    assert bench.at(10)["_aws"]["Timestamp"] == MINUTE_MS + 9_999
    await bench.report.end()


async def test_gauges_that_fail_do_not_end_it(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    bench.gauges = {"no_such_metric": 1}
    bench.now_ms = MINUTE_MS + 10_000
    with caplog.at_level(logging.CRITICAL):
        bench.report.tick()
    bench.gauges = {"streams_open": 1}
    assert bench.at(20)["streams_open"] == 1
    await bench.report.end()


async def test_a_flush_and_the_end_say_what_is_left_without_how_things_stand() -> None:
    bench = Bench()
    bench.counters.add("queries")
    bench.report.flush()
    bench.counters.add("queries", 3)
    await bench.report.end()
    assert [line["queries"] for line in bench.writer.lines] == [1, 3]
    assert not any("streams_open" in line for line in bench.writer.lines)
    assert bench.writer.lines[0]["_aws"]["Timestamp"] == bench.now_ms
    assert bench.writer.closed


async def test_its_own_timer_ticks() -> None:
    bench = Bench(now_ms=MINUTE_MS + 9_990)
    said = asyncio.Event()
    put = bench.writer.put

    def telling(line: bytes) -> bool:
        said.set()
        return put(line)

    bench.writer.put = telling  # type: ignore[method-assign]
    bench.now_ms = MINUTE_MS + 10_000
    async with asyncio.timeout(WATCHDOG):
        await said.wait()
    await bench.report.end()


async def test_no_report_keeps_nothing() -> None:
    report = NoReport()
    report.begin()
    report.sample("committed_to_sent", 1)
    report.flush()
    await report.end()
    assert vars(report) == {}
