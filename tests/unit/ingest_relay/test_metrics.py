"""An invocation is one line of metrics, whatever became of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ingest_relay.failures import FailureQueue
from ingest_relay.metrics import CATALOGUE, PUBLISHED, EmfMetrics
from ingest_relay.publish import PublishError, Topic
from ingest_relay.relay import FailureQueueError, Relay
from tests.unit.ingest_relay.fakes import QUEUE_URL, TIMED_OUT, TOPIC_ARN, FakeSns, FakeSqs, Refused
from tests.unit.ingest_relay.stream import TABLES, record

NOW = 1732280000.1234
BROKEN = {"sentiment": {"S": "neutral"}, "score": {"F": "0.5"}}


class Bench:
    """A relay that says metrics, and what it said."""

    def __init__(self) -> None:
        self.sns, self.sqs = FakeSns(), FakeSqs()
        self.said: list[str] = []
        self.relay = Relay(
            Topic(self.sns, TOPIC_ARN),
            FailureQueue(self.sqs, QUEUE_URL),
            TABLES,
            metrics=EmfMetrics("prod", write=self.said.append, clock=lambda: NOW),
            limit=620,  # two of `record()`'s changes
        )

    def line(self) -> dict[str, Any]:
        (line,) = self.said
        assert line.endswith("\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def counts(self) -> dict[str, int]:
        return {name: value for name, value in self.line().items() if name in PUBLISHED and value}


def test_a_line_declares_what_is_published_and_holds_all_that_is_counted() -> None:
    bench = Bench()
    bench.relay.relay([record(1), record(2), record(3)])
    line = bench.line()
    assert line["_aws"]["Timestamp"] == 1732280000123
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("SentimentStreamer", [["Deployment"]])
    assert {metric["Name"] for metric in directive["Metrics"]} == PUBLISHED
    assert set(line) == {"_aws", "Deployment"} | {metric.name for metric in CATALOGUE}
    assert (line["Deployment"], line["relay_changes"], line["relay_requests"], line["relay_canaries"]) == (
        "prod",
        3,
        1,
        0,
    )
    assert line["relay_bytes"] == sum(map(len, bench.sns.taken))
    assert bench.counts() == {"relay_records": 3, "relay_messages": 2}


def test_what_goes_to_the_failure_queue_is_counted() -> None:
    bench = Bench()
    bench.relay.relay([record(1), record(2, new=BROKEN)])
    assert bench.counts() == {"relay_records": 2, "relay_messages": 1, "relay_rejected": 1}


def test_all_from_the_first_that_was_not_taken_is_given_back() -> None:
    bench = Bench()
    bench.sns.script.append(Refused(frozenset({1})))
    bench.relay.relay([record(1), record(2), record(3), record(4, new=BROKEN), record(5)])
    assert bench.counts() == {"relay_records": 5, "relay_messages": 1, "relay_returned": 3}


def test_all_from_the_first_that_the_failure_queue_did_not_take_is_given_back() -> None:
    bench = Bench()
    bench.sqs.script.append(TIMED_OUT)
    bench.relay.relay([record(1), record(2, new=BROKEN), record(3)])
    assert bench.counts() == {"relay_records": 3, "relay_messages": 1, "relay_returned": 2}


def test_a_batch_that_comes_again_as_a_whole_is_given_back_as_a_whole() -> None:
    bench = Bench()
    bench.sqs.script.append(TIMED_OUT)
    with pytest.raises(FailureQueueError):
        bench.relay.relay([record(1), {}])
    assert bench.counts() == {"relay_records": 2, "relay_messages": 1, "relay_returned": 2}


def test_a_canary_is_counted_once_it_is_published() -> None:
    bench = Bench()
    bench.relay.canary()
    assert bench.counts() == {"relay_canaries": 1}
    bench.sns.script.append(TIMED_OUT)
    with pytest.raises(PublishError):
        bench.relay.canary()
    assert len(bench.said) == 1


def test_by_itself_a_line_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    EmfMetrics("prod").report({"relay_records": 1})
    out, err = capsys.readouterr()
    assert (out.count("\n"), json.loads(out)["relay_records"], err) == (1, 1, "")


def test_a_stdout_that_is_closed_fails_no_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    class Closed:
        def write(self, text: str) -> None:
            raise BrokenPipeError

    monkeypatch.setattr("sys.stdout", Closed())
    EmfMetrics("prod").report({"relay_records": 1})
