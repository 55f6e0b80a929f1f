from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from streamer.intake.decode import Batch, decode
from streamer.place import Place
from streamer.sse.events import SentimentUpdate
from tests.benchmarks.fan_out.bench import Intake, Measured
from tests.benchmarks.fan_out.chart import Bar, svg
from tests.benchmarks.fan_out.count import Returning, Sampled, percentile
from tests.benchmarks.fan_out.machine import TooFewFiles, allow_files
from tests.benchmarks.fan_out.payload import MARK, change, data, frame, message
from tests.benchmarks.fan_out.report import Rounds, aims, by_hand, document, picture, row
from tests.benchmarks.fan_out.scenario import NCHAN, OURS, SCENARIOS, YARDSTICK
from tests.benchmarks.fan_out.table import Spread, markdown, plain

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _chunked(*parts: bytes) -> bytes:
    return HEAD + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)


def _event(number: int, published_us: int) -> bytes:
    return frame(number, data(number, published_us, 1_732_280_000))


def _run(
    server: str, cpu_us: float, *, p99_ms: float = 10.0, missed: int = 0, idle_kb: float | None = None
) -> Measured:
    return Measured(
        server=server,
        published=300,
        wanted=300,
        delivered=30_000 - missed,
        missed=missed,
        gaps=0,
        cpu_us=cpu_us,
        busy=0.2,
        p50_ms=1.0,
        p99_ms=p99_ms,
        load=0.3,
        idle_kb=idle_kb,
        ended=0,
        stuck_ended=0,
        hops=None,
    )


def test_each_event_holds_the_mark_once() -> None:
    assert _event(7, 123).count(MARK) == 1


def test_counting_the_mark_does_not_depend_on_where_chunks_are_cut() -> None:
    stream = _chunked(*[_event(number, number) for number in range(20)])
    for size in (1, 2, 3, 7, 100, len(stream)):
        pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
        assert sum(piece.count(MARK) for piece in pieces) == 20


@pytest.mark.parametrize("size", [1, 5, 349, 4096])
def test_a_sampled_stream_finds_every_latency_however_it_is_cut(size: int) -> None:
    events = [_event(number, 1_000 * number) for number in range(10)]
    joined = b"".join(events)
    stream = _chunked(b": hi\n\n", joined[:500], joined[500:])  # a chunk of the encoding ends within an event
    sampled = Sampled()
    for at in range(0, len(stream), size):
        sampled.feed(stream[at : at + size], 9_000)
    assert sampled.latencies_us == [9_000 - 1_000 * number for number in range(10)]
    assert sampled.gaps == 0


def test_lines_may_end_as_sse_starlette_ends_them() -> None:
    sampled = Sampled()
    sampled.feed(_chunked(_event(1, 5).replace(b"\n", b"\r\n")), 6)
    assert sampled.latencies_us == [1]


def test_a_missing_number_is_a_gap_and_the_first_one_is_not() -> None:
    sampled = Sampled()
    sampled.feed(_chunked(_event(3, 0), _event(4, 0), _event(6, 0), _event(7, 0)), 0)
    assert sampled.gaps == 1
    sampled.restart()
    sampled.feed(_chunked(_event(50, 0)).removeprefix(HEAD), 0)
    assert (sampled.gaps, len(sampled.latencies_us)) == (0, 1)


def test_a_sampled_stream_knows_its_first_number_and_its_last_place() -> None:
    stream = Sampled()
    stream.feed(_chunked(_event(7, 1), _event(8, 1)), 5)
    assert (stream.first, stream.place()) == (7, "evt_" + "8".zfill(36))


def test_percentiles() -> None:
    ordered = [float(value) for value in range(101)]
    assert [percentile(ordered, part) for part in (0.0, 0.5, 0.99, 1.0)] == [0, 50, 99, 100]
    assert percentile([4.0], 0.99) == 4


def test_the_others_deliver_what_the_service_makes_of_the_change() -> None:
    batch = decode(message([change(12, 345, 1_732_280_000, "sentiment")], 1_732_280_000_000), "sentiment")
    assert isinstance(batch, Batch)
    assert not batch.faults
    (one,) = batch.changes
    assert one.after.state is not None
    ours = SentimentUpdate.of(one.key, "BENCH", one.after.state, "2024-11-22T12:53:20.000Z")
    theirs = data(12, 345, 1_732_280_000)
    assert theirs == replace(ours, version="zgdEe3fyGhzz8Opdf9Kq_w").data()
    assert len(frame(12, theirs)) == len(ours.frame(place=str(Place(0, 5, 6))))


def test_a_spread_shows_the_median_and_its_borders() -> None:
    assert Spread.of([3.0, 1.0, 2.0]).text() == "2.0 (1.0–3.0)"
    assert Spread.of([1234.0]).text(0) == "1,234"
    with pytest.raises(ValueError, match="no runs"):
        Spread.of([])


def test_a_table_has_a_cell_for_each_column() -> None:
    assert markdown(("a", "b"), [("1", "x|y")]) == "| a | b |\n|---|---|\n| 1 | x\\|y |\n"
    assert plain(("name", "n"), [("x", "10")]) == "name   n\nx     10\n"
    with pytest.raises(ValueError, match="cells"):
        markdown(("a", "b"), [("1",)])


def test_the_chart_is_well_formed_and_cuts_what_is_too_long() -> None:
    bars = [Bar("a & b", 2.0, 1.5, 2.5, "2.00", own=True), Bar("c", 80.0, 70.0, 90.0, "80")]
    root = ET.fromstring(svg('more < "less"', [("one", bars)], most=10.0, line=1.0))  # noqa: S314 - it is our own
    widths = [float(bar.attrib["width"]) for bar in root.iter("{http://www.w3.org/2000/svg}rect")]
    full = float(root.attrib["width"])
    assert widths[0] == pytest.approx(widths[1] / 5, abs=0.2)
    assert all(float(text.attrib["x"]) < full for text in root.iter("{http://www.w3.org/2000/svg}text"))
    assert "prefers-color-scheme: dark" in svg("", [], most=1.0)


def test_ratios_are_of_runs_in_the_same_round() -> None:
    rounds = Rounds(
        [
            {("100x100", OURS): _run(OURS, 10), ("100x100", YARDSTICK): _run(YARDSTICK, 5)},
            {("100x100", OURS): _run(OURS, 30), ("100x100", YARDSTICK): _run(YARDSTICK, 10)},
            {("100x100", OURS): _run(OURS, 40)},
        ]
    )
    ratio = rounds.ratio("100x100", OURS, YARDSTICK)
    assert ratio == Spread(2.5, 2.0, 3.0)
    assert rounds.ratio("100x100", OURS, NCHAN) is None
    assert row(rounds, "100x100", OURS)[1:3] == ("2.50 (2.00–3.00)", "30.0 (10.0–40.0)")


def test_aims_say_what_was_met_and_by_how_much_one_was_missed() -> None:
    results = {}
    for key in ("100x100", "packed", "100x1000", "2000x10", "10000x1", "lone", "pairs"):
        results[key, YARDSTICK] = _run(YARDSTICK, 5, idle_kb=1.0)
        results[key, NCHAN] = _run(NCHAN, 10)
        results[key, OURS] = _run(OURS, 8, p99_ms=12.5, idle_kb=4.0)
    results["10000x1", OURS] = _run(OURS, 8, p99_ms=12.5, idle_kb=4.0, missed=3)
    verdicts = {aim.figure: aim.row()[3] for aim in aims(Rounds([results]))}
    assert list(verdicts.values()) == [
        "met",
        "**missed** by 60%",
        "not measured",  # no sse-starlette
        "**missed** by 300%",
        "met",
        "met",
        "**missed** by 25%",
        "met",
        "**missed**",
        "**missed** by 4%",
        "met",
    ]


def test_the_page_has_a_table_for_each_scenario_that_was_run() -> None:
    results = {("100x100", server): _run(server, 10) for server in (OURS, YARDSTICK)}
    lags = {"relayed_to_received": {"p50_ms": 1, "p99_ms": 4}}
    page = document(
        Rounds([results]),
        [Intake(1000, 270, 2700, 0.3, 1, lags)],
        [("kernel", "Linux")],
        date="2026-11-22",
        command="make bench",
    )
    assert "### 100 × 100/s\n" in page
    assert "### 2,000 × 10/s" not in page
    assert "nchan is left out" in page
    assert "| 1,000 changes/s | 270 | 2,700 | 30 | 1 | 1.0 / 4.0 |" in page
    assert ET.fromstring(picture(Rounds([results]))) is not None  # noqa: S314 - it is our own


def test_what_was_measured_by_hand_stays_when_the_page_is_written_anew() -> None:
    written = "## By hand\n\nThe soak: flat.\n"
    page = document(Rounds([{}]), [], [], date="2026-11-22", command="make bench", kept=written)
    assert by_hand(page) == written
    assert by_hand(document(Rounds([{}]), [], [], date="2026-11-22", command="make bench")) == ""


def test_filters_are_different_and_let_every_event_through() -> None:
    scenario = next(one for one in SCENARIOS if one.filters)
    paths = scenario.paths(OURS)
    assert len(set(paths)) == 50
    assert all("BENCH" in path for path in paths)


def test_too_low_a_hard_limit_of_open_files_is_named_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (1_024, 4_096))
    with pytest.raises(TooFewFiles, match="10,200 open files, and the hard limit is 4,096: raise it"):
        allow_files(10_000)


def _events(count: int) -> bytes:
    return b"".join(_event(number, 1) for number in range(count))


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_client_is_back_when_it_has_every_event_that_it_missed(size: int) -> None:
    body = b"HTTP/1.1 200 OK\r\n\r\n" + _events(3)
    client, fed = Returning(3), 0
    while not client.live:
        client.feed(body[fed : fed + max(size, 13)])
        fed += max(size, 13)
    assert not client.refused
    assert fed > len(body) - len(_events(1))


def test_a_client_of_the_service_is_back_at_the_heartbeat_however_it_is_cut() -> None:
    client = Returning(0)
    client.feed(b"HTTP/1.1 200 OK\r\n\r\n" + _events(3) + b"event: heart")
    assert not client.live
    client.feed(b"beat\ndata: {}\n\n")
    assert client.live


def test_a_client_that_is_refused_is_not_live() -> None:
    client = Returning(3)
    client.feed(b"HTTP/1.1 503 Service Unavailable\r\n\r\n")
    assert client.refused
    assert not client.live
