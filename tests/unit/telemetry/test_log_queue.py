"""Lines go out by a thread; whoever logs never waits for who should read them, and loses none that fits."""

from __future__ import annotations

import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from streamer.telemetry.line_rate import LineRate
from streamer.telemetry.log_queue import LogQueue
from streamer.telemetry.logs import JsonFormatter
from tests.watchdog import WATCHDOG

Make = Callable[..., LogQueue]


@pytest.fixture
def make() -> Iterator[Make]:
    made: list[LogQueue] = []

    def queue(descriptor: int, **given: Any) -> LogQueue:
        made.append(LogQueue(descriptor, **given))
        made[-1].setFormatter(JsonFormatter())
        return made[-1]

    yield queue
    for each in made:
        each.close()


def record(message: str = "stream opened", **members: object) -> logging.LogRecord:
    return logging.makeLogRecord({"name": "tests.queue", "levelno": logging.INFO, "msg": message} | members)


def ended(queue: LogQueue) -> None:
    queue.close()
    assert queue.join(WATCHDOG)


def read_all(descriptor: int) -> list[dict[str, Any]]:
    """Every line until the other end is closed."""
    text = b""
    while part := os.read(descriptor, 1_000_000):
        text += part
    return [json.loads(line) for line in text.splitlines()]


def test_lines_of_any_thread_come_whole_and_each_threads_in_order(pipe: tuple[int, int], make: Make) -> None:
    queue = make(pipe[1], max_bytes=1 << 30, rate=LineRate(1, 1 << 30))

    def log(number: int) -> None:
        for turn in range(2_000):
            queue.handle(record(number=number, turn=turn))

    threads = [threading.Thread(target=log, args=(number,)) for number in range(4)]
    found: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: found.extend(read_all(pipe[0])))
    for each in (*threads, reader):
        each.start()
    for each in threads:
        each.join()
    ended(queue)
    os.close(pipe[1])
    reader.join()
    assert len(found) == 8_000, "nothing is lost where somebody reads"
    for number in range(4):
        assert [line["turn"] for line in found if line["number"] == number] == list(range(2_000))


def test_a_pipe_that_nobody_reads_holds_up_nobody_and_what_is_lost_is_counted_and_told(
    pipe: tuple[int, int], make: Make
) -> None:
    queue = make(pipe[1], max_bytes=300_000, rate=LineRate(1, 1 << 30))
    for number in range(1_000):
        queue.handle(record(number=number, text="x" * 1_000))
    assert queue.dropped > 500
    assert queue._writer._bytes <= 300_000
    found: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: found.extend(read_all(pipe[0])))
    reader.start()
    ended(queue)
    os.close(pipe[1])
    reader.join()
    kept = [line for line in found if line["message"] == "stream opened"]
    told = [line for line in found if line["message"] == "log lines dropped"]
    assert [line["number"] for line in kept] == list(range(len(kept))), "the oldest are kept, in order"
    assert sum(line["dropped"] for line in told) == queue.dropped == 1_000 - len(kept)
    assert {(line["level"], line["logger"]) for line in told} == {("WARNING", "streamer.telemetry.log_queue")}


def test_an_end_waits_for_a_reader_a_little_and_then_no_more(pipe: tuple[int, int], make: Make) -> None:
    queue = make(pipe[1])
    for _ in range(200):
        queue.handle(record(text="x" * 1_000))
    queue.flush()
    queue.close()
    assert not queue.join(0), "the thread alone waits"
    found: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: found.extend(read_all(pipe[0])))
    reader.start()
    assert queue.join(WATCHDOG)
    os.close(pipe[1])
    reader.join()
    assert len(found) == 200, "once somebody reads, nothing is lost"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_loses_lines_and_nothing_else(make: Make) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    queue = make(full)
    for _ in range(50):
        queue.handle(record())
    ended(queue)
    os.close(full)
    assert queue.dropped == 50


def test_after_a_disk_was_full_a_line_says_how_many_are_missing(
    pipe: tuple[int, int], make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, full = os.write, threading.Event()
    full.set()

    def writes(descriptor: int, text: bytes) -> int:
        if full.is_set() and descriptor == pipe[1]:
            raise OSError(28, "No space left on device")
        return write(descriptor, text)

    monkeypatch.setattr(os, "write", writes)
    queue = make(pipe[1])
    for _ in range(3):
        queue.handle(record())
        queue.flush()
    full.clear()
    queue.handle(record("room again"))
    ended(queue)
    os.close(pipe[1])
    assert [(line["message"], line.get("dropped")) for line in read_all(pipe[0])] == [
        ("room again", None),
        ("log lines dropped", 3),
    ]


def test_a_descriptor_that_does_not_block_is_waited_for(pipe: tuple[int, int], make: Make) -> None:
    os.set_blocking(pipe[1], False)
    queue = make(pipe[1])
    queue.handle(record(text="x" * 500_000))
    found: list[dict[str, Any]] = []
    reader = threading.Thread(target=lambda: found.extend(read_all(pipe[0])))
    reader.start()
    ended(queue)
    os.close(pipe[1])
    reader.join()
    assert [len(line["text"]) for line in found] == [500_000]


def test_lines_of_one_kind_are_rated_and_the_rest_is_told_at_the_latest_at_the_end(
    pipe: tuple[int, int], make: Make
) -> None:
    now = [0.0]
    queue = make(pipe[1], rate=LineRate(1, 2, clock=lambda: now[0]))
    for number in range(5):
        queue.handle(record(number=number))
    queue.handle(record("another", number=5))
    ended(queue)
    os.close(pipe[1])
    found = [(line["message"], line.get("number"), line.get("repeated")) for line in read_all(pipe[0])]
    assert found == [
        ("stream opened", 0, None),
        ("stream opened", 1, None),
        ("another", 5, None),
        ("stream opened", None, 3),
    ]


def test_the_next_line_of_a_kind_says_how_many_were_left_out_and_the_record_stays_as_it_was(
    pipe: tuple[int, int], make: Make
) -> None:
    now = [0.0]
    queue = make(pipe[1], rate=LineRate(1, 1, clock=lambda: now[0]))
    for number in range(3):
        queue.handle(record("wait %s", args=(number,)))
    queue.flush()
    with queue._writer._changed:  # the thread must not be the first to say so
        now[0] = 1.0
        shared = record("wait %s", args=(3,))
        queue.emit(shared)
    ended(queue)
    os.close(pipe[1])
    assert [(line["message"], line.get("repeated")) for line in read_all(pipe[0])] == [("wait 0", None), ("wait 3", 2)]
    assert "repeated" not in vars(shared)


def test_what_cannot_be_formatted_is_dropped_and_nothing_is_written_about_it(
    pipe: tuple[int, int], make: Make, capfd: pytest.CaptureFixture[str]
) -> None:
    queue = make(pipe[1])
    queue.handle(record("two %s %s", args=("one",)))
    queue.handle(record("good"))
    ended(queue)
    os.close(pipe[1])
    assert sorted(line["message"] for line in read_all(pipe[0])) == ["good", "log lines dropped"]
    assert capfd.readouterr() == ("", "")
