"""The id of `closing` is where the client is: it misses nothing from there, and gets nothing again."""

from __future__ import annotations

from typing import Any

import pytest

from streamer.change import Key
from streamer.hub.filters import choose
from streamer.hub.resume import Request
from streamer.place import Place
from streamer.streams.stream import OpenStream, StreamState
from streamer.streams.timing import Timing
from tests.factories import KEY, change, state
from tests.unit.streams.fakes import Bench, FakeSink, names
from tests.unit.streams.test_delivery import publish

EVERYTHING = choose(None, None)
AAPL, MSFT = choose(frozenset({"AAPL"}), None), choose(frozenset({"MSFT"}), None)


def opened(bench: Bench, request: Request | None = None) -> tuple[FakeSink, OpenStream]:
    sink = bench.sink()
    return sink, bench.delivery.open(sink, EVERYTHING, request or Request())


def items(found: list[dict[str, Any]]) -> list[str]:
    return [event["data"]["source_id"] for event in found if event["event"] == "sentiment_update"]


def publish_late(bench: Bench, number: int) -> None:
    """Publishes a change that was relayed before the time that is proven already."""
    late = state("positive", "AAPL", updated_at=KEY.timestamp)  # no state that a later write can restore
    bench.hub.publish(
        [change(late, number, key=Key(f"AAPL:{number}", KEY.timestamp))],
        dated_ms=bench.wall_ms(),
        now_ms=bench.wall_ms(),
    )
    bench.delivery.flush()


def resumed(bench: Bench, place: str) -> list[str]:
    """What a client with this place is sent when it comes back; the answer is no `reset`."""
    sink, stream = opened(bench, Request(place))
    assert stream.start.resume == "resumed"
    got = items(sink.take_all())
    bench.delivery.forget(stream)
    return got


def test_a_live_stream_ends_with_the_place_of_all_that_was_written() -> None:
    bench = Bench()
    sink, stream = opened(bench)
    publish(bench, "positive", "neutral")
    publish(bench, "negative", first=3, flush=False)
    bench.delivery.end(stream, "lifetime")
    publish(bench, "positive", first=4)
    got = sink.take_all()
    assert items(got) == ["AAPL:1", "AAPL:2", "AAPL:3"]
    assert resumed(bench, got[-1]["id"]) == ["AAPL:4"]


def test_the_place_of_a_snapshot_leaves_no_late_change_out() -> None:
    bench = Bench()
    publish(bench, "positive")
    bench.hub.proved(bench.wall_ms() + 60_000, 0, ended_ms=bench.wall_ms() + 60_000)
    place = str(bench.hub.place())
    publish_late(bench, 2)
    assert resumed(bench, place) == ["AAPL:2"]


@pytest.mark.parametrize("slow", [False, True])
def test_a_change_that_was_relayed_before_the_proven_time_is_not_left_out(slow: bool) -> None:
    bench = Bench(Timing(slow_bytes=10_000))
    sink, stream = opened(bench)
    publish(bench, "positive")
    got = sink.take()
    bench.hub.proved(bench.wall_ms() + 60_000, 0, ended_ms=bench.wall_ms() + 60_000)
    assert bench.hub.watermark_ms > bench.wall_ms()
    first = 2
    if slow:
        publish(bench, *["positive"] * 100, first=first)
        publish(bench, "positive", first=102)
        first = 103
    else:
        bench.delivery.end(stream, "lifetime")
    publish_late(bench, first)
    got += sink.take()
    assert names(got)[-1] == "closing"
    assert items(got) + resumed(bench, got[-1]["id"]) == [f"AAPL:{number}" for number in range(1, first + 1)]


def test_a_quiet_stream_ends_with_a_place_after_what_others_were_sent() -> None:
    bench = Bench()
    sink = bench.sink()
    stream = bench.delivery.open(sink, MSFT, Request())
    publish(bench, "positive")
    bench.delivery.end(stream, "lifetime")
    assert Place.parse(sink.take_all()[-1]["id"]).frame == bench.hub.newest


def test_a_stream_that_ends_amid_its_history_says_how_far_it_came() -> None:
    bench = Bench()
    publish(bench, *["positive"] * 1000)
    sink, stream = opened(bench, Request(str(Place(0, 1, 0))))
    assert stream.state is StreamState.REPLAYING
    bench.delivery.end(stream, "drain")
    got = sink.take_all()
    assert 0 < len(items(got)) < 1000
    assert items(got) + resumed(bench, got[-1]["id"]) == [f"AAPL:{number}" for number in range(1, 1001)]


@pytest.mark.parametrize("flushes", [1, 3])
def test_what_a_slow_client_is_not_sent_comes_again(flushes: int) -> None:
    bench = Bench(Timing(slow_bytes=10_000))
    sink, stream = opened(bench)
    got = sink.take()
    publish(bench, "positive")
    got += sink.take()
    first = 2
    for _ in range(flushes):
        publish(bench, *["positive"] * 40, first=first)
        first += 40
    publish(bench, "positive", first=first)
    assert stream.close_reason == "slow"
    got += sink.take()
    assert names(got)[-1] == "closing"
    assert items(got) + resumed(bench, got[-1]["id"]) == [f"AAPL:{number}" for number in range(1, first + 1)]


class Kept(FakeSink):
    """A sink of which every byte is with the kernel: it has nothing to drop."""

    def discard(self) -> bytes:
        return b""


def test_a_slow_client_that_keeps_all_that_was_written_gets_nothing_again() -> None:
    bench = Bench(Timing(slow_bytes=10_000))
    sink = Kept(lambda: bench.now)
    stream = bench.delivery.open(sink, EVERYTHING, Request())
    sink.take()
    publish(bench, *["positive"] * 100)
    publish(bench, "positive", first=101)
    assert stream.close_reason == "slow"
    got = sink.take()
    assert items(got) + resumed(bench, got[-1]["id"]) == [f"AAPL:{number}" for number in range(1, 102)]


def test_a_place_before_a_dropped_frame_proves_no_more_than_that_frame() -> None:
    bench = Bench(Timing(slow_bytes=10_000))
    sink, stream = opened(bench)
    sink.take()
    publish(bench, *["positive"] * 100)
    dropped = Place.parse(next(event["id"] for event in _peek(sink)))
    bench.hub.proved(bench.wall_ms() + 60_000, 0, ended_ms=bench.wall_ms() + 60_000)
    publish(bench, "positive", first=101)
    assert stream.close_reason == "slow"
    place = Place.parse(sink.take()[-1]["id"])
    assert (place.time_ms, place.frame) == (dropped.time_ms, dropped.frame - 1)


def _peek(sink: FakeSink) -> list[dict[str, Any]]:
    writes, blocked = list(sink.writes), sink.on_drained
    sink.on_drained = None
    got = sink.take()
    sink.writes, sink.on_drained = writes, blocked
    return got


@pytest.mark.parametrize("dropping", [True, False])
def test_a_client_that_was_not_told_of_its_new_tickers_gets_no_place_after_them(dropping: bool) -> None:
    """Two streams of one configuration: the first has the `reset` and a heartbeat, the second is too slow for it."""
    bench = Bench(Timing(slow_bytes=1000))
    first, slow = bench.sink(), (FakeSink if dropping else Kept)(lambda: bench.now)
    streams = [bench.delivery.open(sink, AAPL, Request()) for sink in (first, slow)]
    slow.take()
    publish(bench, *["positive"] * 10)
    first.take()
    changed = bench.hub.newest
    for stream in streams:
        bench.delivery.refilter(stream, MSFT)
    assert bench.hub.newest > changed
    assert streams[1].close_reason == "slow"
    place = slow.take()[-1].get("id")
    assert place is None or Place.parse(place).frame <= changed


def test_a_stream_that_is_not_opened_repeats_the_place_with_which_the_client_came_if_it_is_one() -> None:
    bench = Bench()
    mine = str(Place(5, 9, 7))
    for given, repeated in ((mine, mine), (None, None), ("", None), ("evt_1\ndata: x", None)):
        (only,) = _frames(bench.delivery.closing("server_busy", Request(given)))
        assert only.get("id") == repeated
    bench.delivery.drain(0)
    sink, _ = opened(bench, Request(mine))
    assert sink.take()[-1]["id"] == mine


def _frames(data: bytes) -> list[dict[str, Any]]:
    sink = Bench().sink()
    sink.write(data)
    return sink.take()
