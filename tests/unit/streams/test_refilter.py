"""A running stream gets other tickers: nothing of the old ones after the `reset`, nothing of the new ones missing."""

from __future__ import annotations

import pytest

from streamer.change import Key
from streamer.hub.filters import choose
from streamer.hub.resume import FilterSince, Request
from streamer.place import Place
from streamer.streams.stream import OpenStream, StreamState
from streamer.streams.timing import Timing
from tests.factories import KEY, change, state
from tests.unit.streams.fakes import Bench, FakeSink, names

A, B = choose(frozenset({"AAPL"}), None), choose(frozenset({"MSFT"}), None)


def publish(bench: Bench, ticker: str, *numbers: int, flush: bool = True) -> None:
    for number in numbers:
        made = change(state("positive", ticker), number, key=Key(f"{ticker}:{number}", KEY.timestamp))
        bench.hub.publish([made], dated_ms=bench.wall_ms(), now_ms=bench.wall_ms())
    if flush:
        bench.delivery.flush()


def opened(bench: Bench) -> tuple[FakeSink, OpenStream]:
    sink = bench.sink()
    stream = bench.delivery.open(sink, A, Request())
    sink.take_all()
    return sink, stream


def told(found: list[dict[str, object]]) -> list[str]:
    """The items of updates, the names of all else."""
    return [
        event["data"]["source_id"] if event["event"] == "sentiment_update" else str(event["event"])  # type: ignore[index]
        for event in found
    ]


def test_what_was_published_goes_out_first_then_reset_history_heartbeat_and_live() -> None:
    bench = Bench()
    publish(bench, "MSFT", 1, 2)
    sink, stream = opened(bench)
    publish(bench, "AAPL", 3, flush=False)
    bench.delivery.refilter(stream, B)
    publish(bench, "AAPL", 4)
    publish(bench, "MSFT", 5)
    got = sink.take_all()
    assert told(got) == ["AAPL:3", "reset", "MSFT:1", "MSFT:2", "MSFT:5", "heartbeat"]
    publish(bench, "AAPL", 6)
    publish(bench, "MSFT", 7)
    assert told(sink.take_all()) == ["MSFT:7"]
    assert got[1]["data"] == {"reason": "configuration_changed", "tickers": ["MSFT"]}
    assert "id" not in got[1]
    assert list(bench.hub.groups) == [B]
    assert bench.counters["streams_refiltered"] == 1
    bench.delivery.refilter(stream, B)
    assert sink.take_all() == [], "it has that filter"


def test_a_change_during_the_history_begins_the_new_one_when_the_client_has_taken_what_waits() -> None:
    bench = Bench()
    publish(bench, "AAPL", *range(1, 1000))
    publish(bench, "MSFT", *range(1000, 2000))
    sink = bench.sink()
    stream = bench.delivery.open(sink, A, Request(str(Place(0, 1, 0))))
    waits = sink.pending()
    assert stream.state is StreamState.REPLAYING, "there is more of the history than one write"
    for _ in range(20):
        bench.delivery.refilter(stream, B)
        bench.delivery.refilter(stream, A)
    bench.delivery.refilter(stream, B)
    assert sink.pending() < waits + 5000, "change after change waits for the client, too"
    publish(bench, "MSFT", 2000)
    got = told(sink.take_all())
    last = len(got) - 1 - got[::-1].index("reset")
    assert got[last + 1 :] == [*(f"MSFT:{number}" for number in range(1000, 2001)), "heartbeat"]
    publish(bench, "MSFT", 2001)
    assert told(sink.take_all()) == ["MSFT:2001"]


def test_a_client_that_lags_behind_is_closed_rather_than_given_more() -> None:
    bench = Bench(Timing(slow_bytes=1000))
    sink, stream = opened(bench)
    sink.write(b": much\n\n" * 200)
    bench.delivery.refilter(stream, B)
    assert sink.closed
    assert stream.close_reason == "slow"
    assert names(sink.take()) == ["closing"]
    bench.delivery.refilter(stream, A)
    bench.delivery.end(stream, "configuration_gone")
    assert stream.close_reason == "slow", "once"


def test_a_configuration_that_goes_ends_its_stream_after_what_was_published_for_it() -> None:
    bench = Bench()
    sink, stream = opened(bench)
    publish(bench, "AAPL", 1, flush=False)
    bench.delivery.end(stream, "configuration_gone")
    got = sink.take()
    assert told(got) == ["AAPL:1", "closing"]
    assert got[1]["data"]["reason"] == "configuration_gone"
    assert not bench.hub.groups


@pytest.mark.parametrize("frame", [1, 2])
def test_who_was_cut_in_the_new_history_begins_it_again(frame: int) -> None:
    bench = Bench()
    publish(bench, "MSFT", 1, 2)
    _, stream = opened(bench)
    since = FilterSince(bench.wall_ms(), bench.hub.newest, other_before=True)
    bench.delivery.refilter(stream, B)
    sink = bench.sink()
    bench.delivery.open(sink, B, Request(str(Place(0, 1, frame))), since=since)
    got = sink.take_all()
    assert told(got) == ["connected", "reset", "MSFT:1", "MSFT:2", "heartbeat"]
    assert got[1]["data"]["tickers"] == ["MSFT"]
    again = bench.sink()
    bench.delivery.open(again, B, Request(got[-1]["id"]), since=since)
    assert told(again.take_all()) == ["connected", "heartbeat"]


def test_a_ticket_s_deadline_ends_the_stream_before_its_lifetime() -> None:
    bench = Bench()
    sink = bench.sink()
    bench.delivery.open(sink, A, Request(), deadline_ms=bench.wall_ms() + 10_000)
    late = bench.sink()
    bench.delivery.open(late, A, Request(), deadline_ms=bench.wall_ms() + 10_000_000)
    sink.take_all()
    bench.now += 9.9
    bench.delivery.sweep()
    assert not sink.closed
    bench.now += 0.1
    late.take_all()
    bench.delivery.sweep()
    assert sink.take_all()[-1]["data"]["reason"] == "ticket_expired"
    late.take_all()
    bench.now += 900
    bench.delivery.sweep()
    assert late.take_all()[-1]["data"]["reason"] == "lifetime"


@pytest.mark.parametrize("method", ["pending", "write"])
def test_a_stream_that_fails_does_not_keep_the_caller_from_the_next(method: str) -> None:
    bench = Bench()
    (broken, first), (sink, second) = opened(bench), opened(bench)
    setattr(broken, method, broken.fail)
    for stream in (first, second):
        bench.delivery.refilter(stream, B)
    assert broken.aborted
    assert "reset" in told(sink.take_all())
    assert bench.delivery.streams == {second}
