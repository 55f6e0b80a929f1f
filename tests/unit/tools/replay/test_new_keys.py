"""Recorded items as new ones: nobody knows them, and nothing else about them is different."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.tools.replay.new_keys import NewKeys, with_target_table
from tests.unit.ingest_relay.stream import RECORDED, recorded
from tests.unit.tools.records import BEGUN_S, change

STARTED = 1_800_000_000_000
FRESH = NewKeys(started_ms=STARTED, first_ms=BEGUN_S * 1000, factor=1.0)


def text(record: dict[str, Any], name: str, image: str = "NewImage") -> str:
    found: str = record["dynamodb"][image][name]["S"]
    return found


def test_key_and_images_agree_on_the_new_item() -> None:
    new = FRESH(change(1, op="MODIFY", OldImage=change(0)["dynamodb"]["NewImage"]))
    assert len({text(new, "source_id", image) for image in ("Keys", "NewImage", "OldImage")}) == 1
    assert text(new, "source_id").startswith(f"replay-{STARTED:x}-")
    assert text(new, "source_id").endswith(":wire:1")


def test_all_records_of_an_item_stay_one_item_and_two_stay_two() -> None:
    one, same, other = change(1), change(2, at=60), change(3)
    other["dynamodb"]["Keys"]["timestamp"] = {"S": "2026-11-22T14:17:06.331Z"}
    fast = NewKeys(started_ms=STARTED, first_ms=BEGUN_S * 1000, factor=None)
    keys = [(text(fast(each), "source_id", "Keys"), text(fast(each), "timestamp", "Keys")) for each in (one, same)]
    assert keys[0] == keys[1]
    moved = fast(other)
    assert text(moved, "timestamp", "Keys") == keys[0][1], "all at once"
    assert text(moved, "source_id", "Keys") != keys[0][0]


@pytest.mark.parametrize(("factor", "later"), [(1.0, "08:00:10"), (10.0, "08:00:01"), (None, "08:00:00")])
def test_distances_in_time_shrink_with_the_speed(factor: float | None, later: str) -> None:
    fresh = NewKeys(started_ms=STARTED, first_ms=BEGUN_S * 1000, factor=factor)
    new = fresh(change(1, at=10))
    assert text(new, "updated_at") == f"2027-01-15T{later}.000Z"
    assert new["dynamodb"]["ApproximateCreationDateTime"] == STARTED // 1000 + int(later[-2:])


def test_the_order_of_the_stream_stays_and_a_later_replay_is_later() -> None:
    seqs = ["7", "000000000000000000774", "9" * 40]
    new = [int(FRESH(change(1, SequenceNumber=seq))["dynamodb"]["SequenceNumber"]) for seq in seqs]
    assert new == sorted(new)
    later = NewKeys(started_ms=STARTED + 1, first_ms=0, factor=1.0)(change(1, SequenceNumber="1"))
    assert int(later["dynamodb"]["SequenceNumber"]) > new[-1]


def test_the_ttl_moves_along_and_the_event_id_leads_back() -> None:
    record = change(1)
    record["dynamodb"]["NewImage"]["ttl_timestamp"] = {"N": str(BEGUN_S + 100)}
    new = FRESH(record)
    assert new["dynamodb"]["NewImage"]["ttl_timestamp"] == {"N": str(STARTED // 1000 + 100)}
    assert new["eventID"] == record["eventID"]


@pytest.mark.parametrize("name", RECORDED)
def test_everything_else_stays_and_the_recording_is_not_touched(name: str) -> None:
    for record in recorded(name)["Records"]:
        before = str(record)
        new = FRESH(record)
        assert str(record) == before
        for image in ("NewImage", "OldImage"):
            old = record["dynamodb"].get(image, {})
            different = {key for key in old if new["dynamodb"][image][key] != old[key]}
            assert different <= {"source_id", "timestamp", "updated_at", "ttl_timestamp"}


def test_records_are_addressed_to_the_targets_table_of_their_kind() -> None:
    tables: Any = {"sentiment": "prod-sentiment", "users": "prod-users"}
    assert ":table/prod-sentiment/stream/" in with_target_table(change(1), tables)["eventSourceARN"]
    [user, *_] = recorded("users-configuration")["Records"]
    assert ":table/prod-users/stream/" in with_target_table(user, tables)["eventSourceARN"]
    stranger = change(1, Keys={"id": {"S": "1"}})
    assert with_target_table(stranger, tables) == stranger


JSON: Any = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["S", "N", "source_id", "timestamp", "updated_at", "x"]), inner)
    ),
    max_leaves=10,
)
TIMES = st.sampled_from(["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999Z", "2026-11-22T14:17:06.330Z", "then"])


@given(JSON, JSON, JSON, TIMES, st.sampled_from([None, 0.001, 1.0, 1_000_000.0]))
def test_nothing_that_a_record_holds_makes_it_stumble(
    keys: Any, image: Any, seq: Any, moment: str, factor: float | None
) -> None:
    fresh = NewKeys(started_ms=STARTED, first_ms=0, factor=factor)
    fresh({"dynamodb": {"Keys": keys, "NewImage": image, "SequenceNumber": seq, "ApproximateCreationDateTime": seq}})
    record = change(1)
    record["dynamodb"]["NewImage"]["updated_at"] = {"S": moment}
    assert text(fresh(record), "updated_at")
