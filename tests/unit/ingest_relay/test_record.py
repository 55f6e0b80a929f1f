"""A stream record becomes a change of change record v1, with what the allow-list names and nothing else."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_relay.record import SENTIMENT, USERS, Change, RecordFault, to_change
from tests.unit.ingest_relay.stream import RECORDED, TABLES, record, recorded


def change_of(one: object) -> dict[str, Any]:
    text = to_change(one, 0, TABLES).text
    assert text.isascii()
    change: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return change


def test_an_insert_says_what_it_holds() -> None:
    first = recorded("insert-positive-neutral-negative")["Records"][0]
    assert change_of(first) == {
        "op": "INSERT",
        "table": "sentiment",
        "keys": {"source_id": "wire:0001", "timestamp": "2026-11-22T14:17:06.330Z"},
        "new": {
            "matched_tickers": ["AAPL", "QLFX"],
            "sentiment": "positive",
            "score": Decimal("0.82"),
            "confidence": Decimal("0.93"),
            "source": "newswire",
        },
        "seq": "000000000000000000766",
        "committed_at": 1795359360,
    }


def test_a_change_keeps_its_place_in_the_batch_and_its_sequence_number() -> None:
    change = to_change(record(seq=77), 5, TABLES)
    assert (change.position, change.seq) == (5, "000000000000000000077")


def test_a_modify_holds_both_images() -> None:
    _, unscored = recorded("modify-unscored")["Records"]
    change = change_of(unscored)
    assert change["op"] == "MODIFY"
    assert change["new"] == {"matched_tickers": ["BRWK"], "source": "newswire"}
    assert change["old"]["sentiment"] == "negative"


def test_updated_at_comes_along() -> None:
    inserted, corrected = map(change_of, recorded("modify-updated-at")["Records"])
    assert inserted["new"]["updated_at"] == corrected["old"]["updated_at"] == "2026-11-22T14:32:01.250Z"
    assert corrected["new"]["updated_at"] == "2026-11-22T14:32:04.875Z"


def test_a_remove_holds_the_old_image_alone() -> None:
    for one in recorded("remove-by-user")["Records"]:
        change = change_of(one)
        assert change["op"] == "REMOVE"
        assert "new" not in change
        assert "old" in change
        assert "ttl" not in change


def test_a_ttl_delete_is_marked() -> None:
    assert [change_of(one)["ttl"] for one in recorded("remove-by-ttl")["Records"]] == [True, True]


@pytest.mark.parametrize("identity", [None, "Service", {}, {"type": "Service", "principalId": "someone.amazonaws.com"}])
def test_a_delete_by_anyone_else_is_not_marked(identity: object) -> None:
    assert "ttl" not in change_of(record(op="REMOVE") | {"userIdentity": identity})


CREATED = 1795359360
"""When `record` was written."""
FIVE_YEARS = 5 * 366 * 24 * 3600


@pytest.mark.parametrize("expires", [CREATED, CREATED - 1, CREATED - 172_800])
def test_a_ttl_delete_in_a_replica_names_nobody_and_is_marked_by_the_time_that_is_over(expires: int) -> None:
    old = {"sentiment": {"S": "positive"}, "ttl_timestamp": {"N": str(expires)}}
    change = change_of(record(op="REMOVE", old=old))
    assert change["ttl"] is True
    assert change["old"] == {"sentiment": "positive"}, "the attribute itself does not leave"
    assert "ttl_timestamp" not in json.dumps(change)


@pytest.mark.parametrize(
    "attribute",
    [
        {"N": str(CREATED + 1)},
        {"N": str(CREATED - FIVE_YEARS - 1)},
        {"N": "0"},
        {"N": "-1"},
        {"N": "1e9"},
        {"N": f"{CREATED - 1}.5"},
        {"N": CREATED - 1},
        {"N": ""},
        {"N": "9" * 400},
        {"S": str(CREATED - 1)},
        {"N": str(CREATED - 1), "S": ""},
        str(CREATED - 1),
        None,
    ],
)
def test_a_delete_before_the_items_time_is_over_is_not_marked(attribute: object) -> None:
    assert "ttl" not in change_of(record(op="REMOVE", old={"ttl_timestamp": attribute}))


def test_the_time_alone_marks_no_delete_by_somebody_and_no_other_change() -> None:
    over = {"ttl_timestamp": {"N": str(CREATED - 1)}}
    somebody = {"userIdentity": {"type": "Service", "principalId": "someone.amazonaws.com"}}
    assert "ttl" not in change_of(record(op="REMOVE", old=over) | somebody)
    assert "ttl" not in change_of(record(op="MODIFY", old=over))
    assert "ttl" not in change_of(record(op="REMOVE"))
    keys = {"PK": {"S": "USER#ada"}, "SK": {"S": "CONFIG#growth"}}
    assert "ttl" not in change_of(record(op="REMOVE", table="users", old=over, Keys=keys))


def test_an_item_with_nothing_visible_still_has_its_image() -> None:
    assert change_of(record(op="MODIFY", new={"article_text": {"S": "…"}}, old={}))["new"] == {}


def test_of_a_configuration_only_tickers_and_status_leave() -> None:
    changes = [change_of(one) for one in recorded("users-configuration")["Records"]]
    assert [change["op"] for change in changes] == ["INSERT", "MODIFY", "MODIFY", "REMOVE"]
    assert {change["table"] for change in changes} == {"users"}
    assert changes[2] == {
        "op": "MODIFY",
        "table": "users",
        "keys": {"PK": "USER#ada", "SK": "CONFIG#growth"},
        "new": {"tickers": ["NVDA", "QLFX", "TSLA"], "status": "disabled"},
        "old": {"tickers": ["NVDA", "QLFX", "TSLA"], "status": "active"},
        "seq": changes[2]["seq"],
        "committed_at": 1795359360,
    }


@pytest.mark.parametrize("name", [name for name in RECORDED if not name.startswith("undecodable")])
def test_every_recorded_batch_is_relayed_without_what_is_not_allowed(name: str) -> None:
    for one in recorded(name)["Records"]:
        change = change_of(one)
        allowed = {"sentiment": SENTIMENT, "users": USERS}[change["table"]]
        assert set(change["keys"]) == set(allowed.keys)
        assert set(change.get("new", {})) | set(change.get("old", {})) <= set(allowed.attributes)


def test_an_index_key_among_the_keys_is_left_out() -> None:
    keys = {"source_id": {"S": "wire:1"}, "timestamp": {"S": "t"}, "sentiment": {"S": "positive"}}
    assert set(change_of(record(Keys=keys))["keys"]) == {"source_id", "timestamp"}


def test_attributes_that_may_not_leave_are_not_even_looked_at() -> None:
    strange = {"sentiment": {"S": "neutral"}, "article_text": {"UNHEARD-OF": object()}}
    assert change_of(record(new=strange))["new"] == {"sentiment": "neutral"}


def test_the_commit_time_is_a_whole_number_of_seconds() -> None:
    assert change_of(record(ApproximateCreationDateTime=1795359360.9))["committed_at"] == 1795359360


def fault_of(one: object) -> RecordFault:
    with pytest.raises(RecordFault) as caught:
        to_change(one, 0, TABLES)
    return caught.value


@pytest.mark.parametrize(
    ("broken", "says"),
    [
        (None, "not an object"),
        ([], "not an object"),
        ({}, "eventSourceARN"),
        (record() | {"eventSourceARN": "arn:aws:sns:us-east-1:123456789012:topic"}, "eventSourceARN"),
        (record() | {"eventName": "TRUNCATE"}, "eventName"),
        (record() | {"eventName": ["INSERT"]}, "eventName"),
        (record() | {"dynamodb": None}, "dynamodb is not"),
        (record(SequenceNumber=None), "SequenceNumber"),
        (record(SequenceNumber=12), "SequenceNumber"),
        (record(SequenceNumber=""), "SequenceNumber"),
        (record(SequenceNumber="12a"), "SequenceNumber"),
        (record(SequenceNumber="١٢"), "SequenceNumber"),
        (record(Keys=None), "Keys is not"),
        (record(Keys={"source_id": {"S": "a"}}), "Keys.timestamp"),
        (record(Keys={"source_id": {"N": "1"}, "timestamp": {"S": "t"}}), "Keys.source_id"),
        (record(NewImage=None), "NewImage is not"),
        (record(NewImage=[]), "NewImage is not"),
        (record(OldImage="x"), "OldImage is not"),
        (record(op="REMOVE") | {"eventName": "MODIFY"}, "NEW_AND_OLD_IMAGES"),
        (record(ApproximateCreationDateTime=None), "ApproximateCreationDateTime"),
        (record(ApproximateCreationDateTime=True), "ApproximateCreationDateTime"),
        (record(ApproximateCreationDateTime=float("nan")), "ApproximateCreationDateTime"),
        (record(ApproximateCreationDateTime=-1), "ApproximateCreationDateTime"),
        (record(ApproximateCreationDateTime=10**400), "ApproximateCreationDateTime"),
        (recorded("undecodable-unknown-type")["Records"][1], "NewImage.confidence: type 'F' is unknown"),
        (recorded("undecodable-broken-number")["Records"][1], "NewImage.score: type N holds '0,05'"),
    ],
)
def test_a_broken_record_is_undecodable_and_says_why(broken: object, says: str) -> None:
    fault = fault_of(broken)
    assert fault.reason == "undecodable"
    assert says in str(fault)


def test_a_record_of_another_table_says_what_to_do() -> None:
    fault = fault_of(record(table="orders"))
    assert fault.reason == "unknown_table"
    assert "'orders'" in str(fault)
    assert "sentiment, users" in str(fault)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3),
    max_leaves=8,
)


@given(st.data())
def test_no_input_whatever_ends_otherwise_than_in_a_change_or_a_fault(data: st.DataObject) -> None:
    one: dict[str, Any] = record(op="MODIFY", old={"score": {"N": "1"}})
    for _ in range(data.draw(st.integers(1, 3))):
        target = data.draw(st.sampled_from([one, one["dynamodb"]])) if isinstance(one.get("dynamodb"), dict) else one
        target[data.draw(st.sampled_from([*sorted(target), "userIdentity"]))] = data.draw(JSON)
    try:
        change = to_change(one, 0, TABLES)
    except RecordFault:
        return
    assert isinstance(change, Change)
    assert json.loads(change.text)["seq"] == change.seq
