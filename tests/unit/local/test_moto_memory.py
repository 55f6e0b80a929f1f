"""moto forgets old iterators and stream records, and says so as AWS does."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from moto.core.common_models import BaseModel
from moto.core.exceptions import JsonRESTError
from moto.dynamodb.models import table as moto_table
from moto.dynamodb.models.table import Table
from moto.dynamodbstreams.models import DynamoDBStreamsBackend, ShardIterator, dynamodbstreams_backends
from moto.sns import models as sns
from moto.sqs import models as sqs

from streamer.local.moto_memory import BoundedQueue, BoundedShard, BoundedTopic, Receipts, ShardIterators, bound


def test_old_iterators_are_let_go_and_count_as_expired() -> None:
    iterators = ShardIterators(2)
    for name in "abc":
        iterators[name] = name.upper()
    assert list(iterators) == ["b", "c"]
    assert iterators["c"] == "C"
    with pytest.raises(JsonRESTError, match="ExpiredIteratorException"):
        iterators["a"]


@pytest.fixture
def shard(monkeypatch: pytest.MonkeyPatch) -> BoundedShard:
    monkeypatch.setattr(BoundedShard, "kept", 8)
    monkeypatch.setattr("moto.dynamodb.models.table.StreamShard", BoundedShard)
    table: Any = Table(
        "t",
        account_id="123456789012",
        region="us-east-1",
        schema=[{"AttributeName": "id", "KeyType": "HASH"}],
        attr=[{"AttributeName": "id", "AttributeType": "S"}],
        streams={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    assert isinstance(table.stream_shard, BoundedShard)
    return table.stream_shard


def add(shard: BoundedShard, name: str) -> None:
    key = SimpleNamespace(to_json=lambda: {"S": name})
    item: Any = SimpleNamespace(hash_key=key, attrs={}, to_json=lambda: {"Attributes": {"id": {"S": name}}})
    shard.add(None, item)


def names(records: list[dict[str, Any]]) -> list[str]:
    return [each["dynamodb"]["Keys"]["id"]["S"] for each in records]


def test_a_shard_keeps_its_newest_records_with_the_numbers_they_had(shard: BoundedShard) -> None:
    first = shard.starting_sequence_number
    for number in range(30):
        add(shard, str(number))
        assert len(shard.items) <= 10
    kept = shard.get(shard.starting_sequence_number, 100)
    assert names(kept)[-8:] == [str(number) for number in range(22, 30)]
    assert [int(each["dynamodb"]["SequenceNumber"]) - first for each in kept] == [int(name) for name in names(kept)]


def test_a_reader_goes_on_across_a_trim_and_one_that_fell_behind_is_told(shard: BoundedShard) -> None:
    backend = DynamoDBStreamsBackend("us-east-1", "123456789012")
    follower = ShardIterator(backend, shard, "TRIM_HORIZON")
    laggard = ShardIterator(backend, shard, "TRIM_HORIZON")
    seen: list[str] = []
    for number in range(30):
        add(shard, str(number))
        answer = follower.get(100)
        seen += names(answer["Records"])
        follower = backend.shard_iterators[answer["NextShardIterator"]]
    assert seen == [str(number) for number in range(30)]
    with pytest.raises(JsonRESTError, match="TrimmedDataAccessException"):
        laggard.get(100)


def test_all_bounds_are_set_where_moto_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = dynamodbstreams_backends["123456789012"]["us-east-1"]
    monkeypatch.setattr(moto_table, "StreamShard", moto_table.StreamShard)
    monkeypatch.setattr(backend, "shard_iterators", {})
    monkeypatch.setattr(sns, "Topic", sns.Topic)
    monkeypatch.setattr(sqs, "Queue", sqs.Queue)
    monkeypatch.setattr(BaseModel, "__new__", BaseModel.__new__)
    bound()
    untracked = ShardIterator(backend, SimpleNamespace(starting_sequence_number=1), "TRIM_HORIZON")
    assert untracked not in ShardIterator.instances_tracked
    assert sns.Topic is BoundedTopic
    assert sqs.Queue is BoundedQueue
    assert moto_table.StreamShard is BoundedShard
    assert isinstance(backend.shard_iterators, ShardIterators)


def test_what_was_read_is_let_go_sooner(shard: BoundedShard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedShard, "kept_read", 4)
    for number in range(8):
        add(shard, str(number))
    shard.get(shard.starting_sequence_number, 7)
    add(shard, "8")
    assert names(shard.get(shard.starting_sequence_number, 100)) == ["3", "4", "5", "6", "7", "8"]


def item(key: str, expires: int | str | None) -> dict[str, Any]:
    number = {} if expires is None else {"expires": {"N" if isinstance(expires, int) else "S": str(expires)}}
    return {"id": {"S": key}, "at": {"S": "x"}, **number}


def test_items_past_their_time_to_live_are_deleted_without_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.dynamodb.models.table.StreamShard", BoundedShard)
    table: Any = Table(
        "t",
        account_id="123456789012",
        region="us-east-1",
        schema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
        attr=[{"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "S"}],
        streams={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    table.ttl = {"TimeToLiveStatus": "ENABLED", "AttributeName": "expires"}
    now = 1_000
    monkeypatch.setattr("streamer.local.moto_memory.time.time", lambda: now)
    for key, expires in (("short", 1_010), ("long", 2_000), ("extended", 1_010), ("never", None), ("text", "1010")):
        table.put_item(item(key, expires))
    table.put_item(item("extended", 3_000))
    now = 1_011
    table.put_item(item("last", None))
    assert sorted(key.value for key in table.items) == ["extended", "last", "long", "never", "text"]
    records = table.stream_shard.get(table.stream_shard.starting_sequence_number, 100)
    assert "REMOVE" not in {record["eventName"] for record in records}


def test_a_queue_forgets_the_receipts_of_the_oldest_deletions() -> None:
    receipts = Receipts(3)
    for name in "abcd":
        receipts.update({name})
    assert sorted(receipts) == ["b", "c", "d"]
