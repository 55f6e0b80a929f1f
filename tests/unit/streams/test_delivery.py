from __future__ import annotations

import asyncio
import itertools

import pytest

from streamer.change import Key
from streamer.hub.filters import choose
from streamer.hub.resume import Request
from streamer.place import Place
from streamer.streams.stream import StreamState
from streamer.streams.timing import Timing
from tests.factories import KEY, NOW_MS, change, state
from tests.unit.streams.fakes import Bench, FakeSink, events, names
from tests.watchdog import WATCHDOG

EVERYTHING = choose(None, None)
FRESH = Request()


def publish(bench: Bench, *labels: str, ticker: str = "AAPL", first: int = 1, flush: bool = True) -> None:
    for seq, label in enumerate(labels, first):
        key = Key(f"{ticker}:{seq}", KEY.timestamp)
        bench.hub.publish(
            [change(state(label, ticker), seq, key=key)], dated_ms=bench.wall_ms(), now_ms=bench.wall_ms()
        )
    if flush:
        bench.delivery.flush()


def test_a_fresh_stream_opens_with_connected_heartbeat_and_metrics_in_one_write() -> None:
    bench, sink = Bench(), Bench().sink()
    bench.delivery.open(sink, EVERYTHING, FRESH)
    assert len(sink.writes) == 1
    opening = sink.take()
    assert names(opening) == ["connected", "heartbeat", "metrics"]
    assert "id" not in opening[0]
    assert opening[0]["retry"] == "3000"
    assert opening[0]["data"] | {"connection_id": ""} == {
        "connection_id": "",
        "tickers": None,
        "resume": "fresh",
        "replayed": 0,
        "mode": "push",
        "retry_ms": 3000,
        "heartbeat_seconds": 30.0,
        "mode_reason": "as the test wants it",
        "mode_since": "2026-11-22T14:56:40.000Z",
    }
    assert opening[1]["data"]["connections"] == 1


def test_live_frames_reach_every_stream_whose_filter_admits_them_as_the_same_bytes() -> None:
    bench = Bench()
    sinks = [bench.sink() for _ in range(3)]
    for sink, tickers in zip(sinks, (None, None, {"MSFT"}), strict=True):
        bench.delivery.open(sink, choose(tickers, None), FRESH)
        sink.take()
    publish(bench, "positive", ticker="AAPL")
    assert names(sinks[0].take()) == names(sinks[1].take()) == ["sentiment_update"]
    assert sinks[2].take() == []
    publish(bench, "positive", ticker="MSFT")
    assert sinks[0].writes[0] is sinks[1].writes[0], "one join for the whole group"
    assert names(sinks[2].take()) == ["sentiment_update"]


def test_what_waits_for_a_flush_is_not_sent_twice_to_a_stream_that_opens_with_it_in_its_replay() -> None:
    bench = Bench()
    first, second = bench.sink(), bench.sink()
    bench.delivery.open(first, EVERYTHING, FRESH)
    first.take()
    publish(bench, "positive", "negative", flush=False)
    bench.delivery.open(second, EVERYTHING, Request(str(Place(0, 1, 2))))
    bench.delivery.flush()
    assert names(second.take_all()) == ["connected", "sentiment_update", "sentiment_update", "heartbeat", "metrics"]
    assert names(first.take_all()) == ["sentiment_update", "sentiment_update"]


def test_ids_only_grow_and_a_heartbeat_is_never_ahead_of_what_waited_before_it() -> None:
    bench = Bench()
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, FRESH)
    got = sink.take_all()
    publish(bench, "positive", flush=False)
    bench.now += 31
    bench.delivery.sweep()
    got += sink.take_all()
    assert names(got) == ["connected", "heartbeat", "metrics", "sentiment_update", "metrics", "heartbeat"]
    places = [Place.parse(event["id"]).frame for event in got if "id" in event]
    assert places == sorted(set(places))


def test_a_client_that_resumes_gets_exactly_what_followed_its_place() -> None:
    bench = Bench()
    first, second = bench.sink(), bench.sink()
    stream = bench.delivery.open(first, EVERYTHING, FRESH)
    publish(bench, "positive", "negative", "neutral")
    seen = first.take_all()
    bench.delivery.forget(stream)
    publish(bench, "positive", first=10)
    bench.delivery.open(second, EVERYTHING, Request(seen[-2]["id"]))
    got = second.take_all()
    assert names(got) == ["connected", "sentiment_update", "sentiment_update", "heartbeat", "metrics"]
    assert got[0]["data"]["resume"] == "resumed"
    assert got[0]["data"]["replayed"] == 2
    assert got[1]["data"]["source_id"] == "AAPL:3"


def test_a_place_that_is_not_covered_says_reset_and_sends_the_history() -> None:
    bench = Bench()
    publish(bench, "positive")
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, Request("evt_of_another_world"))
    got = sink.take_all()
    assert names(got) == ["connected", "reset", "sentiment_update", "heartbeat", "metrics"]
    assert got[0]["data"]["resume"] == "reset"
    assert got[1]["data"] == {"reason": "malformed"}
    assert "id" not in got[1]


def test_a_long_history_is_sent_in_pieces_as_the_client_takes_it_and_what_is_published_meanwhile_follows() -> None:
    bench = Bench()
    publish(bench, *["positive"] * 1000)
    sink = bench.sink()
    stream = bench.delivery.open(sink, EVERYTHING, Request(replay_ms=60_000))
    assert 0 < sink.pending() < 80_000
    publish(bench, "negative", first=5000)
    assert sink.pending() < 80_000, "no live frame overtakes the history"
    got = sink.take_all()
    updates = [event["data"]["source_id"] for event in got if event["event"] == "sentiment_update"]
    assert updates == [*(f"AAPL:{number}" for number in range(1, 1001)), "AAPL:5000"]
    assert names(got)[-2:] == ["heartbeat", "metrics"]
    assert stream.state is StreamState.LIVE


def test_a_history_evicted_under_a_slow_reader_is_a_reset_and_never_a_silent_gap() -> None:
    bench = Bench(keep_ms=60_000)
    publish(bench, *["positive"] * 1000)
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, Request(replay_ms=60_000))
    bench.now += 61
    publish(bench, "negative", first=5000)
    bench.hub.expire(bench.wall_ms())
    got = sink.take_all()
    reset = names(got).index("reset")
    assert got[reset]["data"] == {"reason": "too_old"}
    assert [event["data"]["source_id"] for event in got[reset:] if event["event"] == "sentiment_update"] == [
        "AAPL:5000"
    ]


def test_a_filter_finds_its_own_in_a_long_history() -> None:
    bench = Bench()
    publish(bench, *["positive"] * 5000)
    publish(bench, "negative", ticker="MSFT", first=30_000)
    publish(bench, "negative", ticker="TSLA", first=30_001)
    publish(bench, "negative", ticker="MSFT", first=30_002)
    sink = bench.sink()
    bench.delivery.open(sink, choose({"MSFT", "TSLA", "IBM"}, None), Request(replay_ms=60_000))
    got = sink.take_all()
    assert got[0]["data"]["replayed"] == 3
    assert [event["data"]["source_id"] for event in got if event["event"] == "sentiment_update"] == [
        "MSFT:30000",
        "TSLA:30001",
        "MSFT:30002",
    ]
    only_metrics = bench.sink()
    bench.delivery.open(only_metrics, choose(None, {"metrics"}), Request(replay_ms=60_000))
    assert names(only_metrics.take_all()) == ["connected", "heartbeat", "metrics"]


async def test_the_first_events_go_out_at_once_and_a_long_burst_is_joined() -> None:
    bench = Bench(Timing(flush=0.05, flush_burst=3))
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, FRESH)
    sink.take()
    flushed = asyncio.Event()
    for number in range(3):
        publish(bench, "positive", first=number, flush=False)
        bench.delivery.schedule_flush()
        assert len(sink.writes) == number + 1
    for number in range(10):
        publish(bench, "positive", first=10 + number, flush=False)
        bench.delivery.schedule_flush()
    assert len(sink.writes) == 3
    bench.delivery.on_flush = flushed.set
    await asyncio.wait_for(flushed.wait(), WATCHDOG)
    assert len(sink.writes) == 4
    assert len(sink.take()) == 13


async def test_a_flush_to_many_streams_leaves_the_loop_free_for_as_long_as_it_took() -> None:
    bench = Bench(Timing(flush=0.05))
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, FRESH)
    sink.take()

    def slow() -> None:
        bench.now += 0.125

    bench.delivery.on_flush = slow
    publish(bench, "positive", flush=False)
    bench.delivery.schedule_flush()
    for after, writes in ((0.124, 1), (0.001, 2)):
        bench.now += after
        publish(bench, "positive", first=round(bench.now * 1000), flush=False)
        bench.delivery.schedule_flush()
        if writes == 1:
            timer = bench.delivery._flush_timer
            assert timer is not None
            timer.cancel()
            bench.delivery._flush_timer = None
        assert len(sink.writes) == writes


def test_silence_is_kept_alive_by_pings_and_heartbeats_at_their_intervals() -> None:
    bench = Bench(Timing(heartbeat=30, ping=15, metrics_idle=1e9))
    sink = bench.sink()
    bench.delivery.open(sink, choose({"AAPL"}, None), FRESH)
    heard: list[tuple[float, str]] = []
    while bench.now < 1100:
        bench.now += 0.25
        bench.delivery.sweep()
        heard += [(bench.now, name) for name in names(sink.take())]
    heartbeats = [moment for moment, name in heard if name == "heartbeat"][1:]
    assert [later - sooner for sooner, later in itertools.pairwise(heartbeats)] == [30, 30]
    moments = [1000.0] + [moment for moment, _ in heard]
    assert max(later - sooner for sooner, later in itertools.pairwise(moments)) <= 15.25


def test_streams_opened_together_do_not_get_their_heartbeats_together() -> None:
    bench = Bench()
    streams = [bench.delivery.open(bench.sink(), EVERYTHING, FRESH) for _ in range(100)]
    assert len({round(stream.heartbeat_at, 1) for stream in streams}) > 50


def test_metrics_are_told_on_change_at_most_each_second_and_at_least_each_minute() -> None:
    bench = Bench(Timing(heartbeat=1e9, ping=1e9, lifetime=1e9))
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, FRESH)
    bench.delivery.sweep()
    sink.take()
    told = []
    for number in range(40):
        bench.now += 0.25
        publish(bench, "positive", first=100 + number)
        bench.delivery.sweep()
        told += [event for event in sink.take() if event["event"] == "metrics"]
    assert len(told) == 10
    assert told[-1]["data"]["total"] == 40
    quiet = 0
    for _ in range(4 * 120):
        bench.now += 0.25
        bench.delivery.sweep()
        quiet += len(sink.take())
    assert quiet == 2


def test_the_first_to_want_metrics_is_not_told_the_same_again() -> None:
    bench = Bench()
    publish(bench, "positive")
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, FRESH)
    assert names(sink.take())[-1] == "metrics"
    bench.now += 2
    bench.delivery.sweep()
    assert sink.take() == []


def test_a_switch_of_mode_is_told_to_every_stream_at_once() -> None:
    bench = Bench()
    sinks = [bench.sink(), bench.sink()]
    bench.delivery.open(sinks[0], EVERYTHING, FRESH)
    bench.delivery.open(sinks[1], choose({"AAPL"}, {"sentiment_update"}), FRESH)
    for sink in sinks:
        sink.take()
    bench.mode = "down"
    bench.delivery.announce_mode()
    for sink in sinks:
        got = sink.take()
        assert names(got) == ["heartbeat"]
        assert got[0]["data"]["mode"] == "down"


def test_a_stream_ends_within_its_lifetime_with_a_goodbye() -> None:
    bench = Bench(Timing(lifetime=100, heartbeat=1e9, ping=1e9))
    sinks = [bench.sink() for _ in range(20)]
    for sink in sinks:
        bench.delivery.open(sink, EVERYTHING, FRESH)
        sink.take()
    ended = []
    while bench.now < 1101:
        bench.now += 1
        bench.delivery.sweep()
        for sink in sinks:
            for event in sink.take():
                if event["event"] == "closing":
                    assert event["data"]["reason"] == "lifetime"
                    assert event["retry"] == str(event["data"]["retry_ms"])
                    ended.append(bench.now - 1000)
    assert len(ended) == 20
    assert min(ended) >= 80
    assert len(set(ended)) > 5, "not all at once"


def test_a_client_that_takes_nothing_is_closed_and_cut_and_nobody_else_waits() -> None:
    bench = Bench(Timing(heartbeat=1e9, ping=1e9))
    stuck, good = bench.sink(), bench.sink()
    stream = bench.delivery.open(stuck, EVERYTHING, FRESH)
    bench.delivery.open(good, EVERYTHING, FRESH)
    for second in range(17):
        bench.now += 1
        publish(bench, "positive", first=100 + second)
        bench.delivery.sweep()
        assert "sentiment_update" in names(good.take())
        if second == 8:
            assert stream.close_reason is None
        if second == 11:
            assert stream.close_reason == "slow"
            assert names(events(b"".join(stuck.writes))) == ["closing"], "what it would not take is let go"
    assert stuck.aborted
    assert bench.counters["streams_slow"] == 1
    bench.delivery.forget(stream)
    assert len(bench.delivery.streams) == 1


def test_a_client_with_too_much_waiting_is_closed_before_the_time_is_up_and_holds_one_flush_more_at_most() -> None:
    bench = Bench(Timing(slow_bytes=10_000))
    stuck, good = bench.sink(), bench.sink()
    stream = bench.delivery.open(stuck, EVERYTHING, FRESH)
    bench.delivery.open(good, EVERYTHING, FRESH)
    most, got = 0, good.take()
    for number in range(1, 101):
        publish(bench, "positive", first=number)
        got += good.take()
        most = max(most, stuck.pending())
    one_flush = 400
    assert 10_000 < most < 10_000 + one_flush
    assert stream.close_reason == "slow"
    assert names(stuck.take()) == ["closing"]
    assert names(got).count("sentiment_update") == 100, "nobody else pays for it"


def test_one_burst_larger_than_the_bound_closes_nobody_who_takes_it() -> None:
    bench = Bench(Timing(slow_bytes=10_000))
    sink = bench.sink()
    stream = bench.delivery.open(sink, EVERYTHING, FRESH)
    sink.take()
    publish(bench, *["positive"] * 100)
    assert sink.pending() > 10_000
    bench.now += 0.25
    bench.delivery.sweep()
    assert stream.close_reason is None
    assert names(sink.take()).count("sentiment_update") == 100


def test_a_heartbeat_is_no_way_past_the_bound() -> None:
    bench = Bench(Timing(slow_bytes=10_000, heartbeat=5, slow_seconds=100))
    sink = bench.sink()
    stream = bench.delivery.open(sink, choose({"AAPL"}, None), FRESH)
    publish(bench, *["positive"] * 100)
    bench.now += 6
    bench.delivery.sweep()
    assert stream.close_reason == "slow"


def test_a_goodbye_waits_for_a_client_that_takes_some_and_not_for_one_that_takes_nothing() -> None:
    bench = Bench(Timing(lifetime=10, heartbeat=1e9, ping=1e9, slow_seconds=1000))
    stuck, steady = bench.sink(), bench.sink()
    for sink in (stuck, steady):
        bench.delivery.open(sink, EVERYTHING, FRESH)
    cut: dict[str, float] = {}
    for _ in range(60):
        bench.now += 1
        bench.delivery.sweep()
        steady.progress()
        for name, sink in (("stuck", stuck), ("steady", steady)):
            if sink.aborted:
                cut.setdefault(name, bench.now - 1000)
    assert stuck.closed
    assert steady.closed
    assert cut["stuck"] <= 10 + 5 + 2
    assert 8 + 30 <= cut["steady"] <= 10 + 30 + 2, "but not for ever"


def test_a_stream_let_in_as_the_drain_began_is_told_so_and_nothing_else() -> None:
    bench = Bench()
    bench.delivery.drain(20)
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, FRESH)
    (only,) = sink.take()
    assert (only["event"], only["data"]["reason"]) == ("closing", "drain")
    assert sink.closed


@pytest.mark.parametrize("count", [1, 40])
def test_a_drain_says_goodbye_to_everyone_spread_over_its_window_the_first_one_now(count: int) -> None:
    bench = Bench()
    sinks = [bench.sink() for _ in range(count)]
    for sink in sinks:
        bench.delivery.open(sink, EVERYTHING, FRESH)
        sink.take()
    bench.delivery.drain(20)
    ends = []
    for _ in range(81):
        bench.delivery.sweep()
        ends += [bench.now - 1000 for sink in sinks if any(e.get("event") == "closing" for e in sink.take())]
        bench.now += 0.25
    assert len(ends) == count
    assert ends[0] == 0
    assert max(ends) <= 20
    assert len(set(ends)) >= count * 0.9


def test_forgetting_is_final_and_may_happen_twice() -> None:
    bench = Bench()
    sink = bench.sink()
    stream = bench.delivery.open(sink, EVERYTHING, FRESH)
    sink.take()
    bench.delivery.forget(stream)
    bench.delivery.forget(stream)
    publish(bench, "positive")
    bench.delivery.sweep()
    assert sink.writes == []
    assert bench.hub.groups == {}


def test_a_drain_does_not_keep_a_stream_beyond_its_lifetime_and_the_end_says_which_came_first() -> None:
    bench = Bench(Timing(lifetime=10))
    streams = [bench.delivery.open(bench.sink(), EVERYTHING, FRESH) for _ in range(10)]
    bench.delivery.drain(1000)
    assert max(stream.ends_at for stream in streams) <= bench.now + 10
    assert sorted(stream.end_reason for stream in streams) == ["drain"] + ["lifetime"] * 9


def test_a_replay_may_be_larger_than_what_a_live_client_may_leave_waiting() -> None:
    bench = Bench(Timing(slow_bytes=1000))
    publish(bench, *["positive"] * 500)
    slow_reader = bench.sink()
    replaying = bench.delivery.open(slow_reader, EVERYTHING, Request(replay_ms=60_000))
    bench.delivery.sweep()
    assert replaying.state is StreamState.REPLAYING
    assert replaying.close_reason is None


def test_a_blocked_client_is_not_pinged() -> None:
    bench = Bench(Timing(ping=5, slow_seconds=100, heartbeat=1e9, metrics_idle=1e9))
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, FRESH)
    bench.now += 20
    bench.delivery.sweep()
    assert names(sink.take()) == ["connected", "heartbeat", "metrics"]
    bench.now += 0.25
    bench.delivery.sweep()
    assert names(sink.take()) == ["comment"]


def test_metrics_told_to_a_newcomer_are_still_told_to_the_others() -> None:
    bench = Bench()
    first = bench.sink()
    bench.delivery.open(first, EVERYTHING, FRESH)
    first.take()
    bench.now += 5
    publish(bench, "positive")
    bench.delivery.open(bench.sink(), EVERYTHING, FRESH)
    bench.delivery.sweep()
    assert "metrics" in names(first.take())


def test_a_sink_that_fails_is_cut_and_the_others_get_everything() -> None:
    bench = Bench()
    sinks = [bench.sink() for _ in range(5)]
    for sink in sinks:
        bench.delivery.open(sink, EVERYTHING, FRESH)
        sink.take()
    sinks[2].write = sinks[2].fail  # type: ignore[method-assign]  # this one breaks while it is open
    publish(bench, "positive")
    for sink in (*sinks[:2], *sinks[3:]):
        assert names(sink.take()) == ["sentiment_update"]
    assert sinks[2].aborted


def of_five(bench: Bench) -> list[FakeSink]:
    """The sinks of five equal streams."""
    sinks = [bench.sink() for _ in range(5)]
    for sink in sinks:
        bench.delivery.open(sink, EVERYTHING, FRESH)
        sink.take()
    return sinks


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    """The connections of which the log says that they failed."""
    return [vars(line)["connection_id"] for line in caplog.records if line.message == "a stream failed and was aborted"]


def test_a_stream_that_fails_is_logged_once_and_told_nothing_more(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    sinks = of_five(bench)
    ids = {stream.sink: stream.connection_id for stream in bench.delivery.streams}
    sinks[2].write = sinks[2].fail  # type: ignore[method-assign]
    publish(bench, "positive", "negative")
    publish(bench, "neutral", first=3)
    assert said(caplog) == [ids[sinks[2]]]
    assert len(bench.delivery.streams) == 4
    sinks[0].write = sinks[0].fail  # type: ignore[method-assign]
    sinks[0].abort = sinks[0].fail  # type: ignore[method-assign]
    publish(bench, "positive", first=4)
    assert said(caplog) == [ids[sinks[2]], ids[sinks[0]]]
    assert names(sinks[1].take()) == ["sentiment_update"] * 4


@pytest.mark.parametrize("method", ["pending", "write", "blocked_since"])
def test_a_stream_that_fails_in_the_sweep_costs_no_other_its_heartbeat(
    method: str, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench()
    sinks = [bench.sink() for _ in range(20)]
    for sink in sinks:
        stream = bench.delivery.open(sink, choose(frozenset({"AAPL"}), None), FRESH)
        stream.heartbeat_at = bench.now + 30  # all of them in one bucket
        stream.ping_after = 60
        bench.delivery._registry.schedule_check(stream)
        sink.take()
    publish(bench, "positive")
    for sink in sinks:  # each in turn may be the one that the sweep comes to first
        assert names(sink.take()) == ["sentiment_update"]
    broken = sinks[7]
    broken.writes.append(b": waits\n\n")
    setattr(broken, method, broken.fail)
    bench.now += 30
    bench.delivery.sweep()
    bench.now += 1
    bench.delivery.sweep()
    for sink in sinks:
        assert sink is broken or names(sink.take()) == ["heartbeat"]
    assert broken.aborted
    assert len(said(caplog)) == 1


def test_a_stream_that_cannot_be_closed_for_slowness_takes_no_event_from_the_others(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench(Timing(slow_bytes=10))
    sinks = of_five(bench)
    publish(bench, "positive")
    for sink in (*sinks[:2], *sinks[3:]):
        sink.take()
    sinks[2].close = sinks[2].fail  # type: ignore[method-assign]  # it has not taken the first event
    publish(bench, "negative", first=2)
    for sink in (*sinks[:2], *sinks[3:]):
        assert names(sink.take()) == ["sentiment_update"]
    assert sinks[2].aborted
    assert len(said(caplog)) == 1


def test_a_stream_that_cannot_be_looked_at_takes_no_event_from_the_others(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench()
    sinks = of_five(bench)
    publish(bench, "positive")
    sinks[2].pending = sinks[2].fail  # type: ignore[method-assign]
    publish(bench, "negative", first=2)
    for sink in (*sinks[:2], *sinks[3:]):
        assert names(sink.take()) == ["sentiment_update"] * 2
    assert sinks[2].aborted
    assert len(said(caplog)) == 1


def test_a_stream_whose_goodbye_fails_does_not_keep_the_caller_from_the_next() -> None:
    bench = Bench()
    sinks = of_five(bench)
    streams = {stream.sink: stream for stream in bench.delivery.streams}
    sinks[0].close = sinks[0].fail  # type: ignore[method-assign]
    for sink in sinks:
        bench.delivery.end(streams[sink], "configuration_gone")
    assert sinks[0].aborted
    assert all(sink.closed for sink in sinks[1:])


def test_what_is_over_its_time_is_let_go_by_the_sweep() -> None:
    bench = Bench(keep_ms=1000)
    publish(bench, "positive")
    bench.now += 25 * 3600
    bench.delivery.sweep()
    assert (len(bench.hub.ledger), len(bench.hub.history), bench.hub.window.metrics(bench.wall_ms()).total) == (0, 0, 0)


def test_ids_carry_the_watermark() -> None:
    bench = Bench()
    bench.hub.watermark_ms = 123_456
    publish(bench, "positive")
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, Request(replay_ms=60_000))
    assert {Place.parse(event["id"]).time_ms for event in sink.take_all() if "id" in event} == {123_456}


def test_what_is_sent_again_leads_no_client_further_back_than_it_has_to() -> None:
    bench = Bench()
    for label in ("positive", "negative"):
        bench.hub.publish([change(state(label), 1 + (label == "negative"))], dated_ms=NOW_MS, now_ms=NOW_MS)
    bench.hub.proved(NOW_MS, NOW_MS - 180_000, ended_ms=NOW_MS)
    came_ms = bench.hub.watermark_ms - 1
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, Request(str(Place(came_ms, 99, 7))))
    again = [event for event in sink.take() if event["event"] == "sentiment_update"]
    assert [event["data"]["label"] for event in again] == ["positive", "negative"]
    assert [Place.parse(event["id"]) for event in again] == [Place(0, 1, 1), Place(0, 1, 2)]
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, Request(str(Place(NOW_MS, 99, 7))))
    (last,) = [event for event in sink.take() if event["event"] == "sentiment_update"]
    assert Place.parse(last["id"]) == Place(bench.hub.watermark_ms, 1, 2), "not more than this run has proof of"


def test_a_client_that_was_cut_among_the_last_words_goes_on_with_them() -> None:
    bench = Bench()
    for seq, (item, label) in enumerate((("a", "positive"), ("b", "positive"), ("c", "neutral"), ("b", "negative")), 1):
        made = change(state(label), seq, key=Key(item, KEY.timestamp))
        bench.hub.publish([made], dated_ms=NOW_MS - 60_000, now_ms=NOW_MS)
    bench.hub.proved(NOW_MS, NOW_MS - 180_000, ended_ms=NOW_MS)
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, Request(str(Place(NOW_MS, 99, 7))))
    words = [event for event in sink.take() if event["event"] == "sentiment_update"]
    assert [Place.parse(event["id"]).frame for event in words] == [1, 3, 4], "the second was overtaken by the fourth"
    sink = bench.sink()
    bench.delivery.open(sink, EVERYTHING, Request(words[0]["id"]))
    assert [event for event in sink.take() if event["event"] == "sentiment_update"] == words[1:]


def test_a_stream_ends_by_its_own_lifetime_or_when_it_has_to_leave_whichever_is_first() -> None:
    bench = Bench(Timing(lifetime=900, ping=10_000, heartbeat=10_000, metrics_idle=10_000))
    early, late, over = bench.sink(), bench.sink(), bench.sink()
    bench.delivery.open(early, EVERYTHING, FRESH, leave_by_ms=bench.wall_ms() + 60_000)
    bench.delivery.open(late, EVERYTHING, FRESH, leave_by_ms=bench.wall_ms() + 901_000)
    bench.delivery.open(over, EVERYTHING, FRESH, leave_by_ms=bench.wall_ms() - 1)
    for sink in (early, late, over):
        sink.take_all()
    bench.delivery.sweep()
    assert [event["data"]["reason"] for event in over.take()] == ["lifetime"]
    bench.now += 59.9
    bench.delivery.sweep()
    assert early.take() == []
    bench.now += 0.2
    bench.delivery.sweep()
    assert [event["data"]["reason"] for event in early.take()] == ["lifetime"]
    bench.now = 1000 + 900.1
    bench.delivery.sweep()
    assert [event["data"]["reason"] for event in late.take()] == ["lifetime"]
