"""Batches go through the relay's own code, and again from where it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest_relay.failures import FailureQueue
from ingest_relay.publish import Topic
from streamer.tools.relay import FailureSink, LocalRelay, RelayResult, table_kind, visible_part
from tests.unit.ingest_relay.fakes import QUEUE_URL, THROTTLED, TOPIC_ARN, UNREACHABLE, FakeSns, FakeSqs
from tests.unit.ingest_relay.stream import RECORDED, record, recorded

TABLES: Any = {"sentiment": "sentiment", "users": "users"}


class Rig:
    def __init__(self) -> None:
        self.sns, self.sqs = FakeSns(), FakeSqs()
        self.waits: list[float] = []
        self.relay = LocalRelay(
            Topic(self.sns, TOPIC_ARN), FailureQueue(self.sqs, QUEUE_URL), TABLES, sleep=self.waits.append
        )


def test_what_is_published_and_what_fails_is_counted() -> None:
    rig = Rig()
    batch = [record(1), record(2, ApproximateCreationDateTime="poison"), record(3)]
    assert rig.relay.send(batch) == RelayResult(done=3, changes=2, messages=1, failures=1)
    [message] = rig.sns.taken
    assert [change["seq"] for change in json.loads(message)["changes"]] == [f"{seq:021}" for seq in (1, 3)]
    assert json.loads(rig.sqs.taken[0])["seq"] == f"{2:021}"


def test_a_topic_that_fails_for_a_moment_is_called_again() -> None:
    rig = Rig()
    rig.sns.script = [THROTTLED, UNREACHABLE]
    assert rig.relay.send([record(1), record(2)]) == RelayResult(done=2, changes=2, messages=1)
    assert rig.waits == [0.2, 0.4]


def test_a_topic_that_goes_on_failing_ends_it_with_what_was_done() -> None:
    rig = Rig()
    rig.sns.script = [UNREACHABLE] * 20
    relayed = rig.relay.send([record(1), record(2)])
    assert (relayed.done, relayed.changes) == (0, 0)
    assert "Could not connect" in (relayed.error or "")
    assert len(rig.waits) == 4


def test_a_record_without_a_number_that_cannot_be_kept_ends_it() -> None:
    rig = Rig()
    rig.sqs.script = [UNREACHABLE] * 20
    relayed = rig.relay.send([record(1, SequenceNumber=None)])
    assert relayed.done == 0
    assert "no sequence number" in (relayed.error or "")


def test_failures_can_be_had_without_a_queue() -> None:
    kept: list[str] = []
    relay = LocalRelay(Topic(FakeSns(), TOPIC_ARN), FailureSink(kept.append), TABLES)
    relay.send([record(1, table="strange")])
    assert json.loads(kept[0])["reason"] == "unknown_table"


@pytest.mark.parametrize("name", RECORDED)
def test_the_visible_part_of_a_record_is_relayed_like_the_whole(name: str) -> None:
    whole, part = Rig(), Rig()
    records = recorded(name)["Records"]
    whole.relay.send(records)
    part.relay.send([visible_part(each) for each in records])
    changes = [[json.loads(text)["changes"] for text in rig.sns.taken] for rig in (whole, part)]
    assert changes[0] == changes[1]
    shown = json.dumps([visible_part(each) for each in records])
    assert "article_text" not in shown
    assert "headline" not in shown


def test_tables_are_told_by_their_keys() -> None:
    assert table_kind(record(table="whatever")) == "sentiment"
    assert table_kind(recorded("users-configuration")["Records"][0]) == "users"
    stranger = record(Keys={"id": {"S": "1"}}, NewImage={"id": {"S": "1"}, "secret": {"S": "x"}})
    assert table_kind(stranger) is None
    assert visible_part(stranger)["dynamodb"]["NewImage"] == {"id": {"S": "1"}}
    assert table_kind({}) is None
