"""A batch is published in order, cut short at the first failure, and nothing of it is ever lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_relay.failures import FailureQueue
from ingest_relay.pack import MESSAGE_BYTES
from ingest_relay.publish import PublishError, Topic
from ingest_relay.relay import FailureQueueError, Outcome, Relay, client_config
from tests.unit.ingest_relay.fakes import (
    QUEUE_URL,
    THROTTLED,
    TIMED_OUT,
    TOPIC_ARN,
    UNREACHABLE,
    Answer,
    FakeSns,
    FakeSqs,
    Refused,
)
from tests.unit.ingest_relay.stream import TABLES, record, recorded

NOW = 1732280000.1234
UNKNOWN_TYPE = {"sentiment": {"S": "neutral"}, "score": {"F": "0.5"}}
TWO_CHANGES = 620
"""A message limit that two of `record()`'s changes fit into, and no third."""


def relay_with(sns: FakeSns, sqs: FakeSqs, *, limit: int = MESSAGE_BYTES) -> Relay:
    return Relay(Topic(sns, TOPIC_ARN), FailureQueue(sqs, QUEUE_URL), TABLES, clock=lambda: NOW, limit=limit)


def broken(seq: int, **body: Any) -> dict[str, Any]:
    return record(seq, new=UNKNOWN_TYPE, **body)


def seqs(texts: Sequence[str]) -> list[int]:
    """The sequence numbers of all changes in these messages, in order."""
    return [int(change["seq"]) for text in texts for change in json.loads(text)["changes"]]


def failed_seqs(texts: Sequence[str]) -> list[int | None]:
    """The sequence numbers of these failure records, in order."""
    found = [json.loads(text)["seq"] for text in texts]
    return [None if seq is None else int(seq) for seq in found]


def test_a_batch_becomes_one_message() -> None:
    sns, sqs = FakeSns(), FakeSqs()
    outcome = relay_with(sns, sqs).relay(recorded("burst-three-keys-1-of-3")["Records"], trace="Root=1-2")
    (text,) = sns.taken
    message = json.loads(text)
    assert (message["v"], message["relayed_at"], message["trace"]) == (1, 1732280000123, "Root=1-2")
    assert len(message["changes"]) == 100
    assert sqs.requests == []
    assert outcome == Outcome(
        records=100,
        changes=100,
        messages=1,
        bytes=len(text),
        requests=1,
        failures=0,
        duration_ms=outcome.duration_ms,
    )


def test_an_empty_batch_asks_nothing_of_aws() -> None:
    sns, sqs = FakeSns(), FakeSqs()
    assert relay_with(sns, sqs).relay([]).resume_at is None
    assert (sns.requests, sqs.requests) == ([], [])


def test_a_record_that_cannot_be_decoded_does_not_hold_up_the_others() -> None:
    sns, sqs = FakeSns(), FakeSqs()
    outcome = relay_with(sns, sqs).relay([record(1), broken(2), None, record(4, table="orders"), record(5)])
    assert outcome.resume_at is None
    assert (outcome.records, outcome.changes, outcome.failures) == (5, 2, 3)
    assert seqs(sns.taken) == [1, 5]
    assert failed_seqs(sqs.taken) == [2, None, 4]
    assert [json.loads(text)["reason"] for text in sqs.taken] == ["undecodable", "undecodable", "unknown_table"]
    assert json.loads(sqs.taken[0])["failed_at"] == 1732280000123


def test_a_change_that_is_too_large_alone_goes_to_the_failure_queue_without_its_article() -> None:
    sns, sqs = FakeSns(), FakeSqs()
    large = {"source": {"S": "y" * 70_000}, "sentiment": {"S": "neutral"}, "article_text": {"S": "secret words"}}
    outcome = relay_with(sns, sqs).relay([record(1), broken(2), record(3, new=large), broken(4)])
    assert outcome.resume_at is None
    assert failed_seqs(sqs.taken) == [2, 3, 4]
    told = json.loads(sqs.taken[1])
    assert told["reason"] == "too_large"
    assert "the limit of a message is 60000" in told["error"]
    assert told["attributes"] == {"sentiment": "neutral"}
    assert "secret" not in "".join(sqs.taken)


def test_the_first_message_that_fails_is_where_to_go_on_from() -> None:
    sns, sqs = FakeSns(script=[Refused(frozenset({1}))]), FakeSqs()
    records = [record(seq) for seq in range(1, 8)]
    outcome = relay_with(sns, sqs, limit=TWO_CHANGES).relay(records)
    assert [len(json.loads(text)["changes"]) for text in sns.requests[0]] == [2, 2, 2, 1]
    assert outcome.resume_at == records[2]["dynamodb"]["SequenceNumber"]
    assert (outcome.changes, outcome.messages) == (2, 1)
    assert "InternalError" in (outcome.error or "")


def test_only_failures_before_that_point_are_handed_over() -> None:
    sns, sqs = FakeSns(script=[Refused(frozenset({1}))]), FakeSqs()
    records = [record(1), broken(2), record(3), broken(4), record(5), broken(6), record(7)]
    outcome = relay_with(sns, sqs, limit=TWO_CHANGES).relay(records)
    assert outcome.resume_at == f"{5:021}"
    assert failed_seqs(sqs.taken) == [2, 4]
    assert outcome.failures == 2


def test_a_failure_that_cannot_be_handed_over_is_where_to_go_on_from() -> None:
    sns, sqs = FakeSns(), FakeSqs(script=[Refused(frozenset({1}))])
    outcome = relay_with(sns, sqs).relay([record(1), broken(2), broken(3), broken(4), record(5)])
    assert outcome.resume_at == f"{3:021}"
    assert outcome.failures == 1
    assert "failure queue" in (outcome.error or "")


def test_of_two_points_the_earlier_one_is_returned_and_both_reasons_are_told() -> None:
    sns, sqs = FakeSns(script=[TIMED_OUT]), FakeSqs(script=[UNREACHABLE])
    outcome = relay_with(sns, sqs).relay([broken(1), record(2)])
    assert outcome.resume_at == f"{1:021}"
    assert "EndpointConnectionError" in (outcome.error or "")
    assert "ReadTimeoutError" in (outcome.error or "")


def test_a_failure_without_a_number_that_cannot_be_handed_over_asks_for_the_whole_batch(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sns, sqs = FakeSns(), FakeSqs(script=[UNREACHABLE])
    with pytest.raises(FailureQueueError, match="no sequence number"):
        relay_with(sns, sqs).relay([record(1), {}])
    assert "batch cut short" in caplog.messages


def test_a_failure_without_a_number_behind_a_point_to_go_on_from_comes_again_with_it() -> None:
    sns, sqs = FakeSns(), FakeSqs(script=[UNREACHABLE])
    assert relay_with(sns, sqs).relay([broken(1), {}]).resume_at == f"{1:021}"


def test_a_canary_says_when_it_was_sent() -> None:
    sns = FakeSns()
    assert relay_with(sns, FakeSqs()).canary(trace="Root=1") == 1732280000123
    assert [json.loads(text) for text in sns.taken] == [
        {"v": 1, "canary": {"sent_at": 1732280000123}, "trace": "Root=1"}
    ]


def test_a_canary_that_fails_fails_the_invocation() -> None:
    with pytest.raises(PublishError):
        relay_with(FakeSns(script=[THROTTLED]), FakeSqs()).canary()


def test_one_line_says_what_became_of_a_batch(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "ingest_relay")
    relay_with(FakeSns(), FakeSqs()).relay([record(1), record(2)], trace="Root=1")
    (line,) = caplog.records
    assert line.message == "batch relayed"
    said = vars(line)
    assert (said["records"], said["changes"], said["messages"], said["requests"], said["failures"]) == (2, 2, 1, 1, 0)
    assert said["bytes"] > 0
    assert said["duration_ms"] >= 0
    assert said["trace"] == "Root=1"


def test_logs_hold_neither_article_text_nor_user_ids(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    item = UNKNOWN_TYPE | {"article_text": {"S": "secret words"}, "source": {"S": "secret source"}}
    keys = {"PK": {"S": "USER#secret"}, "SK": {"S": "CONFIG#1"}}
    configuration = record(2, table="users", Keys=keys, new={"tickers": {"X": "secret"}})
    relay_with(FakeSns(), FakeSqs()).relay([record(1, new=item), configuration])
    assert [vars(line)["seq"] for line in caplog.records[:2]] == [f"{1:021}", f"{2:021}"]
    assert "secret" not in "".join(str(vars(line)) for line in caplog.records)


def test_one_failing_call_to_each_service_ends_well_within_a_minute() -> None:
    config = client_config()
    attempts = config.retries["total_max_attempts"]  # type: ignore[attr-defined] # botocore sets it by name
    a_call = attempts * (config.connect_timeout + config.read_timeout)  # type: ignore[attr-defined] # likewise
    assert 1 < attempts <= 3
    assert 2 * a_call <= 45


def deliver_until_done(relay: Relay, records: Sequence[object], numbers: Sequence[str | None]) -> None:
    """What Lambda does with a shard: delivers again from the number returned, or all if the function raised."""
    start = 0
    for _ in range(200):
        try:
            resume_at = relay.relay(records[start:]).resume_at
        except FailureQueueError:
            continue
        if resume_at is None:
            return
        start = numbers.index(resume_at, start)
    pytest.fail("the batch is never done")


@pytest.mark.parametrize("place", range(13))
@pytest.mark.parametrize("way", ["raised", "refused", "not named"])
def test_a_batch_replayed_after_a_failure_at_each_message_is_complete_and_in_order(place: int, way: str) -> None:
    records = [record(seq, source_id=f"wire:{seq % 3}") for seq in range(1, 27)]
    numbers = [one["dynamodb"]["SequenceNumber"] for one in records]
    request, within = divmod(place, 10)  # thirteen messages of two changes, ten a request
    answers: dict[str, Answer] = {
        "raised": TIMED_OUT,
        "refused": Refused(frozenset(range(within, 10))),
        "not named": Refused(frozenset(range(within, 10)), named=False),
    }
    sns = FakeSns(script=[*[None] * request, answers[way]])
    deliver_until_done(relay_with(sns, FakeSqs(), limit=TWO_CHANGES), records, numbers)
    assert len(sns.requests) >= 2
    assert seqs(sns.taken) == list(range(1, 27))


ANSWERS = st.one_of(
    st.none(),
    st.sampled_from([TIMED_OUT, UNREACHABLE, THROTTLED]),
    st.builds(Refused, st.frozensets(st.integers(0, 9), min_size=1), st.booleans()),
)


def made(kind: str, seq: int) -> dict[str, Any]:
    """A record that is fine, or one that cannot be relayed for one reason or another."""
    match kind:
        case "broken":
            return broken(seq)
        case "large":
            return record(seq, new={"source": {"S": "y" * TWO_CHANGES}})
        case "numberless":
            return {"eventID": str(seq)}
        case _:
            return record(seq, source_id=f"wire:{seq % 3}")


KINDS = st.lists(st.sampled_from(["fine", "fine", "fine", "broken", "large", "numberless"]), max_size=40)


@given(KINDS, st.lists(ANSWERS, max_size=12), st.lists(ANSWERS, max_size=6))
def test_whatever_fails_nothing_is_lost_and_each_item_ends_in_order(
    kinds: list[str], topic_script: list[Answer], queue_script: list[Answer]
) -> None:
    records = [made(kind, seq) for seq, kind in enumerate(kinds)]
    numbers = [one.get("dynamodb", {}).get("SequenceNumber") for one in records]
    sns, sqs = FakeSns(script=list(topic_script)), FakeSqs(script=list(queue_script))
    deliver_until_done(relay_with(sns, sqs, limit=TWO_CHANGES), records, numbers)

    fine = [seq for seq, kind in enumerate(kinds) if kind == "fine"]
    published = seqs(sns.taken)
    assert sorted(set(published)) == fine
    # Repeats are allowed; after the last of them every item has gone through its changes in order.
    last = {seq: place for place, seq in enumerate(published)}
    assert sorted(last, key=last.__getitem__) == fine
    told = {json.loads(text)["event_id"] for text in sqs.taken}
    assert told == {one["eventID"] for one, kind in zip(records, kinds, strict=True) if kind != "fine"}
