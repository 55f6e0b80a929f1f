"""A failure record says where the record was and why it failed, and always fits into its message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_relay.failures import FailureQueue, Rejected, failure_record
from ingest_relay.pack import MESSAGE_BYTES
from tests.unit.ingest_relay.fakes import QUEUE_URL, FakeSqs, Refused
from tests.unit.ingest_relay.stream import ARN, TABLES, record, recorded


def described(one: object, *, shard: str | None = None, limit: int = MESSAGE_BYTES) -> dict[str, Any]:
    rejected = Rejected(0, one, "undecodable", "what was wrong")
    text = failure_record(rejected, tables=TABLES, failed_at=1732280000123, shard=shard, limit=limit)
    assert text.isascii()
    assert len(text) <= limit
    found: dict[str, Any] = json.loads(text)
    return found


def test_it_says_all_that_is_known() -> None:
    broken = recorded("undecodable-broken-number")["Records"][1]
    assert described(broken) == {
        "v": 1,
        "stream_arn": ARN.format("sentiment"),
        "shard": None,
        "seq": broken["dynamodb"]["SequenceNumber"],
        "event_id": broken["eventID"],
        "table": "sentiment",
        "keys": {"source_id": "wire:1608", "timestamp": "2026-11-22T14:31:48.608Z"},
        "reason": "undecodable",
        "error": "what was wrong",
        "attributes": {"matched_tickers": ["MSFT"], "sentiment": "neutral", "confidence": 0.5, "source": "newswire"},
        "failed_at": 1732280000123,
    }


def test_a_tumbling_window_names_the_shard() -> None:
    assert described(record(), shard="shardId-000000001")["shard"] == "shardId-000000001"


def test_of_a_deleted_item_the_old_image_is_told() -> None:
    one = record(op="REMOVE", old={"sentiment": {"S": "neutral"}, "article_text": {"S": "never"}})
    assert described(one)["attributes"] == {"sentiment": "neutral"}


def test_of_a_table_that_is_not_known_only_the_keys_are_told() -> None:
    found = described(record(table="orders", new={"sentiment": {"S": "neutral"}, "card": {"S": "4111"}}))
    assert found["table"] == "orders"
    assert found["keys"] == {"source_id": "wire:1", "timestamp": "2026-11-22T14:17:06.330Z"}
    assert found["attributes"] == {}


def test_attributes_that_do_not_fit_are_left_out_and_the_others_are_not() -> None:
    found = described(record(new={"source": {"S": "x" * 70_000}, "sentiment": {"S": "neutral"}}))
    assert found["attributes"] == {"sentiment": "neutral"}


@pytest.mark.parametrize("one", [None, 1, "text", [], {}, {"dynamodb": []}, {"dynamodb": {"Keys": [], "NewImage": 1}}])
def test_a_record_that_says_nothing_is_told_all_the_same(one: object) -> None:
    found = described(one)
    assert (found["stream_arn"], found["seq"], found["event_id"], found["table"], found["keys"]) == (None,) * 5
    assert found["reason"] == "undecodable"


def test_absurdly_long_texts_do_not_make_it_too_large() -> None:
    one = record(source_id="\x00" * 20_000, SequenceNumber="9" * 100_000) | {"eventID": "e" * 100_000}
    found = described(one)
    assert (found["seq"], found["event_id"]) == (None, None)
    assert found["keys"] == {"timestamp": "2026-11-22T14:17:06.330Z"}


@given(
    st.dictionaries(st.sampled_from(["sentiment", "source", "ticker"]), st.text(max_size=60)), st.integers(700, 1_200)
)
def test_it_fits_and_holds_each_attribute_that_fits(texts: dict[str, str], limit: int) -> None:
    image = {name: {"S": text} for name, text in texts.items()}
    found = described(record(new=image), limit=limit)
    assert found["attributes"].items() <= texts.items()
    length = len(json.dumps(found, separators=(",", ":")))
    for name in texts.keys() - found["attributes"].keys():
        assert length + len(json.dumps({name: texts[name]}, separators=(",", ":"))) > limit


def test_many_are_sent_in_requests_that_the_queue_takes_until_one_is_refused() -> None:
    sqs = FakeSqs(script=[None, Refused(frozenset({1}))])
    delivery = FailureQueue(sqs, QUEUE_URL).send(["x" * 60_000] * 9)
    assert (delivery.taken, delivery.requests) == (5, 2)
    assert [len(request) for request in sqs.requests] == [4, 4]
