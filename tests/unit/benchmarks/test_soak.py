from __future__ import annotations

import json
from collections import Counter
from itertools import pairwise

import pytest

from streamer.change import Key, State
from streamer.intake.decode import Batch, decode
from streamer.place import Place
from tests.benchmarks.fan_out.payload import message
from tests.benchmarks.fan_out.story import change
from tests.benchmarks.soak.run import Options
from tests.benchmarks.soak.verdict import Sample, Verdict
from tests.benchmarks.soak.visits import Visit, Visits
from tests.factories import NOW_MS

MB = 1_000_000


def _changes(count: int) -> Batch:
    batch = decode_all([change(number, NOW_MS // 1000, "Sentiment", NOW_MS, 200) for number in range(count)])
    assert not batch.faults
    return batch


def decode_all(changes: list[str]) -> Batch:
    found = [decode(message(changes[at : at + 100], NOW_MS), "Sentiment") for at in range(0, len(changes), 100)]
    batches = [batch for batch in found if isinstance(batch, Batch)]
    every = tuple(one for batch in batches for one in batch.changes)
    return Batch(NOW_MS, None, every, tuple(fault for batch in batches for fault in batch.faults), 0)


def test_each_change_of_the_soak_follows_the_state_that_its_item_has() -> None:
    states: dict[Key, State] = {}
    kinds: Counter[str] = Counter()
    for one in _changes(50_000).changes:
        assert one.before == states.get(one.key)
        if one.after.state is None:
            del states[one.key]
            kinds["deleted"] += 1
        else:
            known = states.get(one.key)
            kinds["new" if known is None else "moved" if known.tickers != one.after.state.tickers else "scored"] += 1
            assert one.after.state != known
            states[one.key] = one.after.state
    assert kinds["deleted"] == 2_001
    assert kinds["moved"] == 4_001
    assert kinds["scored"] == 4_901
    assert len(states) == kinds["new"] - kinds["deleted"]


def test_the_items_follow_the_time_that_the_soak_stands_for() -> None:
    first, last = (json.loads(change(n, 1, "S", NOW_MS, 200))["keys"]["timestamp"] for n in (0, 12_000))
    assert (first[14:19], last[14:19]) == ("56:40", "57:40")


def test_bounds_by_time_are_shorter_by_the_speed_but_not_below_what_settings_allow() -> None:
    settings = Options(12, 2_000, 1_000, 200_000).settings()
    assert settings["SSE_HISTORY"] == "90"
    assert settings["SSE_LOOKBACK"] == "150"
    assert Options(120, 200, 1_000, 200_000).settings()["SSE_LOOKBACK"] == "180"


def test_a_half_of_the_rate_stands_for_as_long_with_a_half_of_the_bounds() -> None:
    options = Options(12, 1_000, 1_000, 100_000)
    assert options.speed == 10
    assert options.settings()["SSE_HISTORY"] == "90"
    assert options.settings()["SSE_HISTORY_BYTES"] == str(32 << 20)


def _samples(*sizes: float) -> list[Sample]:
    return [Sample(5.0 * at, 0, round(size * MB), {}, 0) for at, size in enumerate(sizes)]


def test_memory_that_stays_within_five_percent_is_flat() -> None:
    verdict = Verdict.of(_samples(400, 418, 402, 410, 401))
    assert verdict.flat
    assert verdict.spread == pytest.approx(0.045)


def test_memory_that_grows_by_more_is_not_flat_and_its_slope_is_named() -> None:
    verdict = Verdict.of(_samples(400, 406, 412, 418, 424))
    assert not verdict.flat
    assert verdict.slope == pytest.approx(1.2 * MB)
    assert verdict.text(10).startswith("NOT flat: 400.0 to 424.0 MB")
    assert "slope +432.0 MB, +108.0% an hour" in verdict.text(10)


def test_a_soak_that_is_too_short_for_a_slope_says_so() -> None:
    with pytest.raises(ValueError, match="run it for longer"):
        Verdict.of(_samples(400))


def test_who_comes_back_asks_for_the_same_and_has_a_place_or_asks_for_a_replay() -> None:
    visits = Visits(1, 60, 6)
    left = visits.first()
    place = str(Place(NOW_MS, 7, 3))
    again = [visit for visit in (visits.after(left, place) for _ in range(200)) if visit.headers == left.headers]
    assert len(again) > 80
    assert {visit.path for visit in again} == {left.path, left.path + "&replay=6"}
    assert all((visit.place is None) == visit.path.endswith("&replay=6") for visit in again)
    runs = {Place.parse(visit.place).run for visit in again if visit.place is not None}
    assert len(runs) == 2
    assert {Place.parse(visit.place).time_ms for visit in again if visit.place is not None} == {NOW_MS}


def test_a_visit_is_a_request_with_its_place() -> None:
    head = Visit("all", "/api/v2/stream", ("X-Forwarded-For: 10.1.0.1",), 1.0, "evt_1").request()
    assert head.endswith(b"X-Forwarded-For: 10.1.0.1\r\nLast-Event-ID: evt_1\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert all(": " in line for line, _ in pairwise(lines[1:-1]) if line)
