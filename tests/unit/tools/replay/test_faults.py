"""The same seed, the same plan; each fault does what it says, and nothing grows without bounds."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from streamer.tools.replay.faults import HELD, FaultPlan, Faults, PlannedRecord, change_time_ms, poisoned
from streamer.tools.replay.reader import RecordedChange
from tests.unit.tools.records import BEGUN_S, change

ALL = Faults(7, duplicate=0.05, drop=0.05, poison=0.05, reorder_ms=2_000)


def recording(count: int = 1_000, apart: float = 0.1) -> list[RecordedChange]:
    return [RecordedChange(change(seq, at=seq * apart)) for seq in range(count)]


def seq(planned: PlannedRecord) -> int:
    return int(planned.record["dynamodb"]["SequenceNumber"])


def plan(faults: Faults, records: list[RecordedChange] | None = None) -> tuple[list[PlannedRecord], Counter[Any]]:
    made = FaultPlan(faults)
    return list(made(recording() if records is None else records)), made.counts


def test_without_faults_everything_comes_as_it_was_when_it_was() -> None:
    planned, counts = plan(Faults(7))
    assert [seq(one) for one in planned] == list(range(1_000))
    assert [one.due_ms for one in planned][:3] == [BEGUN_S * 1000, BEGUN_S * 1000 + 100, BEGUN_S * 1000 + 200]
    assert not counts


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_a_seed_repeats_a_plan_exactly_and_another_does_not(one: int, other: int) -> None:
    records = recording(200)
    first, again = (plan(replace(ALL, seed=one), records) for _ in range(2))
    assert first == again
    if one != other:
        assert plan(replace(ALL, seed=other), records) != first


def test_one_fault_more_leaves_the_others_where_they_were() -> None:
    dropped = {seq(one) for one in plan(Faults(7, drop=0.1))[0]}
    assert {seq(one) for one in plan(Faults(7, drop=0.1, duplicate=0.2, poison=0.3))[0]} == dropped


def test_shares_are_kept_and_counted() -> None:
    planned, counts = plan(Faults(7, duplicate=0.1, drop=0.1, poison=0.1))
    times = Counter(seq(one) for one in planned)
    assert counts["dropped"] == 1_000 - len(times)
    assert counts["duplicated"] == sum(1 for many in times.values() if many == 2)
    assert all(60 < counts[fault] < 140 for fault in ("dropped", "duplicated", "poisoned"))


def test_a_duplicate_is_the_same_record_a_little_later() -> None:
    planned, _ = plan(Faults(7, duplicate=1.0), recording(50))
    first: dict[int, PlannedRecord] = {}
    for one in planned:
        before = first.setdefault(seq(one), one)
        assert one.record == before.record
        assert 0 <= one.due_ms - before.due_ms <= 1_000
    assert len(planned) == 100


def test_a_record_is_overtaken_by_those_up_to_so_much_later() -> None:
    planned, counts = plan(Faults(7, reorder_ms=2_000))
    order = [seq(one) for one in planned]
    assert sorted(order) == list(range(1_000))
    assert counts["moved"] == sum(number < max(order[:at], default=-1) for at, number in enumerate(order)) > 500
    assert [one.due_ms for one in planned] == sorted(one.due_ms for one in planned)
    for at, number in enumerate(order):
        assert abs(at - number) <= 20, "two seconds are twenty records"


def test_however_much_is_due_at_once_so_much_waits_at_most() -> None:
    made = FaultPlan(Faults(7, reorder_ms=10**9))
    read = 0

    def counted() -> Any:
        nonlocal read
        for one in recording(3 * HELD, apart=0):
            read += 1
            yield one

    given_ = made(counted())
    next(given_)
    assert read == HELD + 1


def test_what_is_spoiled_is_the_relays_to_refuse_and_the_original_stays() -> None:
    record = change(1)
    assert poisoned(record)["dynamodb"]["ApproximateCreationDateTime"] == "poison"
    assert record == change(1)
    assert poisoned(record)["dynamodb"]["Keys"] == record["dynamodb"]["Keys"]


def test_an_items_own_time_is_the_writers_where_it_is_of_this_write() -> None:
    assert change_time_ms(RecordedChange(change(1, at=0.345))) == BEGUN_S * 1000 + 345
    stale = change(1, at=0.345, ApproximateCreationDateTime=BEGUN_S + 500)
    assert change_time_ms(RecordedChange(stale)) == (BEGUN_S + 500) * 1000
    nonsense = change(1, ApproximateCreationDateTime="soon")
    assert change_time_ms(RecordedChange(nonsense, at=5)) == 5
    assert change_time_ms(RecordedChange(nonsense)) is None


def test_a_time_that_goes_back_does_not_take_the_replay_back() -> None:
    records = [RecordedChange(change(number, at=at)) for number, at in enumerate((5.0, 1.0, 6.0))]
    planned, _ = plan(Faults(7), records)
    assert [(seq(one), one.due_ms - BEGUN_S * 1000) for one in planned] == [(0, 5_000), (1, 5_000), (2, 6_000)]


def test_a_time_that_is_none_is_left_out() -> None:
    for at in (-1, 253_402_300_800_000, 10**400):
        assert change_time_ms(RecordedChange({"dynamodb": {}}, at)) is None
    [one], _ = plan(Faults(), [RecordedChange({"dynamodb": {}}, 10**400)])
    assert one.due_ms == 0.0
