"""The mapping on a stream in memory: what the handler is called with, when, and what the failure queue is told."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.event_source import EventSourceMapping, FailureQueue, RetryPolicy, StreamSource, mapping
from tests.unit.event_source.fakes import (
    ARN,
    BEGUN,
    Clock,
    FakeQueue,
    FakeShard,
    FakeStreams,
    Handler,
    client_error,
    failed,
    wire,
)


class Rig:
    """A mapping with everything around it."""

    def __init__(self, handler: Handler | None = None, policy: RetryPolicy | None = None) -> None:
        self.streams = FakeStreams()
        self.queue = FakeQueue()
        self.clock = Clock()
        self.handler = handler or Handler()
        self.mapping = self.drive(self.handler, policy=policy)

    def drive(
        self, handler: mapping.Handler, *, latest: bool = False, policy: RetryPolicy | None = None
    ) -> EventSourceMapping:
        self.mapping = EventSourceMapping(
            cast("Any", self.streams),
            [StreamSource(ARN, interval=0.025, latest=latest)],
            handler,
            destination=FailureQueue(cast("Any", self.queue), "http://queue"),
            policy=policy,
            clock=self.clock,
            wall=self.clock,
        )
        return self.mapping

    def shard(self, name: str, *numbers: int, parent: str | None = None, closed: bool = False) -> FakeShard:
        self.streams.shards[name] = FakeShard(parent, [wire(number) for number in numbers], closed)
        return self.streams.shards[name]

    def run_for(self, seconds: float) -> None:
        ends = self.clock.now + seconds
        while self.clock.now <= ends:
            self.clock.pass_(max(self.mapping.step(), 0.001))


def test_records_come_in_order_in_batches_of_the_policys_size() -> None:
    rig = Rig(policy=RetryPolicy(batch_size=4))
    rig.shard("a", *range(1, 11))
    rig.run_for(0.02)  # a full batch is followed at once by the next
    assert rig.handler.batches == [[1, 2, 3, 4], [5, 6, 7, 8], [9, 10]]


def test_a_shard_is_polled_at_its_interval() -> None:
    rig = Rig()
    rig.shard("a")
    rig.run_for(1.0)
    assert 38 <= rig.streams.calls.count("get_records") <= 41


def test_what_is_written_later_is_read_later() -> None:
    rig = Rig()
    shard = rig.shard("a", 1)
    rig.run_for(0.1)
    shard.records.append(wire(2))
    rig.run_for(0.1)
    assert rig.handler.batches == [[1], [2]]


def test_a_partial_failure_is_called_again_from_its_number() -> None:
    rig = Rig(Handler(failed(3), failed(4, 3), failed(4)))
    rig.shard("a", 1, 2, 3, 4)
    rig.run_for(5.0)
    assert rig.handler.batches == [[1, 2, 3, 4], [3, 4], [3, 4], [4]]
    assert rig.queue.bodies == []


def test_an_exception_fails_the_whole_batch_which_is_halved() -> None:
    rig = Rig(Handler(RuntimeError("no topic")))
    rig.shard("a", 1, 2, 3, 4)
    rig.run_for(5.0)
    assert rig.handler.batches == [[1, 2, 3, 4], [1, 2], [3, 4]]


def test_one_record_that_always_raises_is_the_only_one_given_up() -> None:
    rig = Rig(policy=RetryPolicy(max_attempts=2))
    rig.shard("a", *range(1, 9))

    def poison(event: dict[str, Any]) -> None:
        if any(each["dynamodb"]["SequenceNumber"] == "6" for each in event["Records"]):
            raise RuntimeError("poison")

    rig.handler.after = poison
    rig.run_for(10.0)
    [told] = [json.loads(body) for body in rig.queue.bodies]
    assert told["DDBStreamBatchInfo"]["startSequenceNumber"] == "6"
    assert told["DDBStreamBatchInfo"]["batchSize"] == 1
    assert told["responseContext"]["functionError"] == "Unhandled"
    assert [7] in rig.handler.batches or [7, 8] in rig.handler.batches


def test_the_failure_queue_gets_lambdas_metadata_and_no_content() -> None:
    rig = Rig(Handler(failed(2), failed(2)), RetryPolicy(max_attempts=2))
    rig.shard("a", 1, 2, 3)
    rig.run_for(5.0)
    [body] = rig.queue.bodies
    told = json.loads(body)
    assert told.pop("timestamp").startswith("2026-11-18T")
    assert told["requestContext"].pop("requestId")
    assert told == {
        "requestContext": {
            "functionArn": "arn:aws:lambda:us-east-1:123456789012:function:ingest-relay",
            "condition": "RetryAttemptsExhausted",
            "approximateInvokeCount": 2,
        },
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": None},
        "version": "1.0",
        "DDBStreamBatchInfo": {
            "shardId": "a",
            "startSequenceNumber": "2",
            "endSequenceNumber": "3",
            "approximateArrivalOfFirstRecord": "2026-11-18T11:06:40Z",
            "approximateArrivalOfLastRecord": "2026-11-18T11:06:40Z",
            "batchSize": 2,
            "streamArn": ARN,
        },
    }


def test_a_batch_is_not_dropped_while_the_failure_queue_does_not_take_it() -> None:
    rig = Rig(Handler(failed(1), failed(1), failed(1)), RetryPolicy(max_attempts=1))
    rig.queue.failures.append(client_error("ServiceUnavailable"))
    rig.shard("a", 1, 2)
    rig.run_for(0.5)
    assert rig.queue.bodies == []
    rig.run_for(5.0)
    assert [json.loads(body)["DDBStreamBatchInfo"]["batchSize"] for body in rig.queue.bodies] == [2]


def test_a_shard_that_waits_does_not_hold_up_another() -> None:
    rig = Rig(Handler(failed(1)))
    rig.shard("a", 1)
    rig.shard("b", 2)
    rig.run_for(0.05)
    assert rig.handler.batches == [[1], [2]]
    rig.run_for(0.2)
    assert rig.handler.batches == [[1], [2], [1]]


def test_children_wait_until_their_parent_is_read_to_its_end() -> None:
    rig = Rig(Handler(failed(2)))
    rig.shard("child", 3, parent="parent")
    rig.shard("parent", 1, 2, closed=True)
    rig.run_for(1.0)
    assert rig.handler.batches == [[1, 2], [2], [3]]


def test_new_shards_are_found_while_it_runs() -> None:
    rig = Rig()
    rig.shard("a", 1)
    rig.run_for(1.0)
    rig.shard("b", 2)
    rig.run_for(11.0)
    assert rig.handler.batches == [[1], [2]]


def test_all_pages_of_a_description_are_read() -> None:
    rig = Rig()
    rig.streams.page = 1
    for number, name in enumerate("abc", 1):
        rig.shard(name, number)
    rig.run_for(0.1)
    assert sorted(rig.handler.batches) == [[1], [2], [3]]


def test_an_expired_iterator_is_renewed_after_the_last_record_that_was_read() -> None:
    rig = Rig()
    shard = rig.shard("a", 1, 2)
    rig.run_for(0.1)
    rig.streams.expire_iterators()
    shard.records.append(wire(3))
    rig.run_for(0.1)
    assert rig.handler.batches == [[1, 2], [3]]
    assert "get_shard_iterator AFTER_SEQUENCE_NUMBER 2" in rig.streams.calls


def test_trimmed_records_are_told_and_reading_goes_on_with_the_oldest_left(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    shard = rig.shard("a", 1)
    rig.run_for(0.1)
    shard.records[:] = [wire(5)]
    rig.streams.failures.append(client_error("TrimmedDataAccessException"))
    rig.run_for(0.1)
    assert rig.handler.batches == [[1], [5]]
    assert "stream records lost" in caplog.messages


def test_trouble_with_the_stream_is_told_once_and_outlived(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    shard = rig.shard("a", 1)
    rig.run_for(0.1)
    shard.records.append(wire(2))
    rig.streams.failures += [client_error("InternalServerError")] * 3
    rig.run_for(3.5)
    assert rig.handler.batches == [[1], [2]]
    assert caplog.messages.count("a shard cannot be read") == 1


def test_a_failing_shard_that_is_listed_no_longer_is_given_up_and_its_successor_is_read() -> None:
    rig = Rig()
    rig.shard("a", 1)
    rig.run_for(0.1)
    del rig.streams.shards["a"]
    rig.shard("b", 2)
    rig.run_for(15.0)  # discovery is every ten seconds
    assert rig.handler.batches == [[1], [2]]
    assert rig.mapping.error is None
    before = len(rig.streams.calls)
    rig.run_for(1.0)
    assert set(rig.streams.calls[before:]) == {"get_records"}, "nobody asks for the first any more"


@given(
    shards=st.lists(st.integers(0, 12), min_size=1, max_size=3),
    answers=st.lists(st.sampled_from(["ok", "raise", "first", "middle", "last"]), max_size=12),
    faults=st.lists(st.sampled_from(["none", "expire", "fail"]), max_size=12),
)
def test_whatever_fails_each_shard_arrives_whole_and_in_order(
    shards: list[int], answers: list[str], faults: list[str]
) -> None:
    rig = Rig(policy=RetryPolicy(batch_size=5))
    for at, count in enumerate(shards):
        rig.shard(f"shard-{at}", *(at * 100 + number for number in range(count)), closed=True)
    script, arrived = iter(answers), list[int]()

    def handler(event: dict[str, Any], context: Any) -> object:
        if "Records" not in event:
            return None
        numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in event["Records"]]
        answer = next(script, "ok")
        if answer == "raise":
            raise RuntimeError("for a test")
        stop_at = {"ok": len(numbers), "first": 0, "middle": len(numbers) // 2, "last": len(numbers) - 1}[answer]
        arrived.extend(numbers[:stop_at])
        return failed(numbers[stop_at]) if stop_at < len(numbers) else None

    rig.drive(handler, policy=RetryPolicy(batch_size=5))
    for fault in faults:
        if fault == "expire":
            rig.streams.expire_iterators()
        elif fault == "fail":
            rig.streams.failures.append(client_error("ProvisionedThroughputExceededException"))
        rig.run_for(0.3)
    rig.run_for(120.0)
    for at, count in enumerate(shards):
        assert [number for number in arrived if number // 100 == at] == [at * 100 + each for each in range(count)]
    assert rig.queue.bodies == []
    assert rig.clock.now > BEGUN


def test_a_source_that_begins_with_the_latest_reads_what_is_written_from_then_on() -> None:
    rig = Rig()
    rig.drive(rig.handler, latest=True)
    rig.shard("old", 1, closed=True)
    shard = rig.shard("a", 2, parent="old")
    rig.run_for(0.1)
    shard.records.append(wire(3))
    shard.closed = True
    rig.shard("b", 4, parent="a")
    rig.run_for(15.0)
    assert rig.handler.batches == [[3], [4]], "a shard that is found later began after us"


def test_records_that_are_given_up_without_a_destination_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig(Handler(failed(1), failed(1)))
    rig.mapping = EventSourceMapping(
        cast("Any", rig.streams),
        [StreamSource(ARN)],
        rig.handler,
        policy=RetryPolicy(max_attempts=2),
        clock=rig.clock,
        wall=rig.clock,
    )
    rig.shard("a", 1, 2)
    rig.run_for(1.0)
    assert "a batch was given up" in caplog.messages
    assert rig.queue.bodies == []


def test_a_mapping_says_since_when_its_stream_has_not_answered() -> None:
    rig = Rig()
    rig.shard("a", 1)
    rig.run_for(5)
    assert rig.mapping.error is None
    rig.streams.failures += [client_error("InternalServerError")] * 40
    began = rig.clock.now
    rig.run_for(4)
    assert "InternalServerError" in str(rig.mapping.error)
    assert rig.mapping.answered_at == pytest.approx(began, abs=0.1)
    rig.streams.failures.clear()
    rig.run_for(3)
    assert rig.mapping.error is None
    assert rig.mapping.answered_at > began


def test_a_position_that_was_trimmed_while_nothing_was_read_is_told(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    shard = rig.shard("a", 1)
    rig.run_for(0.1)
    rig.streams.expire_iterators()
    rig.streams.trimmed_below = 5
    shard.records[:] = [wire(5)]
    rig.run_for(2.0)
    assert rig.handler.batches == [[1], [5]]
    assert "stream records lost" in caplog.messages
