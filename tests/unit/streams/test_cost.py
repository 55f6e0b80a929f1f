"""What an event costs for each stream, counted and not timed: whoever adds work per stream sees this red."""

from __future__ import annotations

import gc
import sys
import tracemalloc
from collections import deque
from collections.abc import Callable
from types import FrameType
from typing import Any, cast

import pytest

from streamer.change import Key, iso_time
from streamer.hub.filters import Filter
from streamer.hub.resume import Request
from streamer.streams.timing import Timing
from streamer.streams.transport import TransportSink
from tests.factories import NOW_MS, change, state
from tests.unit.streams.fakes import Bench


class Kernel:
    """A transport whose client takes everything; no Python function is called by a write."""

    def __init__(self) -> None:
        self.written: deque[bytes] = deque(maxlen=1)
        self.write = self.written.append

    def set_protocol(self, _: object) -> None: ...

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_write_buffer_size(self) -> int:
        return 0


def with_streams(count: int, filters: int = 1) -> Bench:
    """A delivery with so many streams of so many filters."""
    bench = Bench(Timing())
    for number in range(count):
        sink = TransportSink(lambda: bench.now)
        sink.attach(cast(Any, Kernel()), chunked=True, paused=False)
        ticker = f"T{number % filters}"
        bench.delivery.open(sink, Filter(frozenset({"AAPL", ticker}), True, False), Request())
    return bench


def publish(bench: Bench, number: int) -> None:
    key = Key(f"one:{number}", iso_time(NOW_MS))
    bench.hub.publish([change(state("positive", "AAPL"), number, key=key)], dated_ms=NOW_MS, now_ms=NOW_MS)
    bench.delivery.schedule_flush()


def calls_of(bench: Bench) -> int:
    """Python functions that one published change calls, from the hub to the transport."""
    publish(bench, 1)
    return calls_within(lambda: publish(bench, 2))


def calls_within(action: Callable[[], None]) -> int:
    """Python functions that are called meanwhile, but for what the garbage collector would call."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    gc.collect()
    gc.disable()
    sys.setprofile(count)
    try:
        action()
    finally:
        sys.setprofile(None)
        gc.enable()
    return calls - 1


def test_a_stream_costs_one_call_an_event() -> None:
    one, hundred, thousand = (calls_of(with_streams(count)) for count in (1, 100, 1000))
    assert hundred - one == 99
    assert thousand - one == 999
    assert one < 100, "from the hub to the first transport"


def test_a_filter_that_does_not_admit_an_event_costs_nothing() -> None:
    alone, among_many = with_streams(1), with_streams(1)
    for number in range(1000):
        sink = TransportSink(lambda: among_many.now)
        sink.attach(cast(Any, Kernel()), chunked=True, paused=False)
        among_many.delivery.open(sink, Filter(frozenset({f"T{number}", "MSFT"}), True, False), Request())
    assert calls_of(among_many) == calls_of(alone)


def test_events_of_one_flush_cost_a_stream_one_call_together() -> None:
    bench = with_streams(100)
    keys = [Key(f"one:{number}", iso_time(NOW_MS)) for number in range(50)]
    changes = [change(state("positive", "AAPL"), number, key=key) for number, key in enumerate(keys, 1)]
    bench.hub.publish(changes, dated_ms=NOW_MS, now_ms=NOW_MS)
    calls = calls_within(bench.delivery.flush)
    assert calls < 100 + 50 + 30, "one for each stream, one for each event and filter, and what the flush is"


def test_equal_filters_share_one_join() -> None:
    few, many = calls_of(with_streams(1000, filters=1)), calls_of(with_streams(1000, filters=50))
    assert many - few < 49 * 10


@pytest.mark.parametrize("count", [100, 1000])
def test_an_event_leaves_nothing_behind_for_a_stream(count: int) -> None:
    bench = with_streams(count)
    for number in range(1, 4):
        publish(bench, number)
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.take_snapshot()
        for number in range(4, 14):
            publish(bench, number)
        after = tracemalloc.take_snapshot()
    finally:
        tracemalloc.stop()
    grown = sum(
        entry.size_diff for entry in after.compare_to(before, "filename") if "/streamer/" in str(entry.traceback)
    )
    assert grown < 10 * 4_000, "ten events in history and ledger, once for everybody"
    gc.collect()
    gc.disable()
    try:
        publish(bench, 20)
        assert gc.collect() == 0, "no cycles: the collector has nothing to do"
    finally:
        gc.enable()
