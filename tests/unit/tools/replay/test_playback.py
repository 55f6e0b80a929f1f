"""A recording's time, played back by a clock."""

from __future__ import annotations

import pytest

from streamer.tools.replay.faults import PlannedRecord
from streamer.tools.replay.playback import Playback, read_factor
from streamer.tools.terminal.errors import UsageError
from streamer.tools.terminal.interrupt import Interrupt
from streamer.tools.terminal.quantities import duration_text, seconds
from tests.unit.event_source.fakes import Clock


def plan(*due: float) -> list[PlannedRecord]:
    return [PlannedRecord(ms, {}) for ms in due]


def played(factor: float | None, *due: float, delay: float = 0.0, most: int = 100) -> list[tuple[float, list[float]]]:
    """When each batch was given, in seconds since the start, and what was in it."""
    time = Clock()
    began = time()
    pace = Playback(factor, delay=delay, sleep=time.pass_, clock=time)
    return [(round(time() - began, 6), [one.due_ms for one in batch]) for batch in pace.batches(plan(*due), most=most)]


def test_distances_are_kept_and_shrink_with_the_speed() -> None:
    assert played(1.0, 5_000, 6_000, 8_500) == [(0, [5_000]), (1, [6_000]), (3.5, [8_500])]
    assert played(10.0, 5_000, 6_000, 8_500) == [(0, [5_000]), (0.1, [6_000]), (0.35, [8_500])]


def test_what_is_due_together_goes_together_in_batches() -> None:
    assert played(1.0, 0, 0, 0, 0, 0, 1_000, most=2) == [(0, [0, 0]), (0, [0, 0]), (0, [0]), (1, [1_000])]


def test_at_most_speed_nothing_waits() -> None:
    assert played(None, 0, 10**9, 2 * 10**9, most=2) == [(0, [0, 10**9]), (0, [2 * 10**9])]


def test_a_delay_is_one_for_all() -> None:
    assert played(1.0, 0, 1_000, delay=2.0) == [(2, [0]), (3, [1_000])]
    assert played(None, 0, 1_000, delay=2.0) == [(2, [0, 1_000])]


def test_who_was_held_up_catches_up_without_waiting() -> None:
    time = Clock()
    pace = Playback(1.0, sleep=time.pass_, clock=time)
    batches = pace.batches(plan(0, 1_000, 2_000, 60_000))
    next(batches)
    time.pass_(30.0)  # a slow target
    assert [one.due_ms for one in next(batches)] == [1_000, 2_000]


@pytest.mark.parametrize(("text", "factor"), [("1x", 1.0), ("10x", 10.0), ("0.5x", 0.5), ("3", 3.0), ("max", None)])
def test_speeds_are_read(text: str, factor: float | None) -> None:
    assert read_factor(text) == factor


@pytest.mark.parametrize("text", ["", "x", "0x", "-1x", "nan", "inf", "fast", "1e9x"])
def test_what_is_no_speed_is_said(text: str) -> None:
    with pytest.raises(UsageError, match="give a factor such as"):
        read_factor(text)


@pytest.mark.parametrize(("text", "length"), [("500ms", 0.5), ("30s", 30.0), ("5m", 300.0), ("1.5h", 5400.0), ("2", 2)])
def test_lengths_of_time_are_read(text: str, length: float) -> None:
    assert seconds("--for", text) == length


@pytest.mark.parametrize("text", ["", "s", "-1s", "5 minutes", "nan", "1e3"])
def test_what_is_no_length_is_said(text: str) -> None:
    with pytest.raises(UsageError, match=r"--for=.*: not a duration; give one"):
        seconds("--for", text)


def test_lengths_of_time_are_written() -> None:
    assert [duration_text(length) for length in (0.04, 59.94, 61, 3_661)] == ["0.0 s", "59.9 s", "0:01:01", "1:01:01"]


def test_a_wait_of_centuries_is_many_naps() -> None:
    naps: list[float] = []
    Interrupt(naps.append).sleep(86_400 * 3 + 5)
    assert naps == [86_400, 86_400, 86_400, 5]
