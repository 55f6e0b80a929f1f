"""The entry point tells its three events apart, and builds its relay once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from ingest_relay import handler as entry
from ingest_relay.failures import FailureQueue
from ingest_relay.publish import Topic
from ingest_relay.relay import Relay
from ingest_relay.settings import SettingsError
from tests.unit.ingest_relay.fakes import QUEUE_URL, TIMED_OUT, TOPIC_ARN, FakeSns, FakeSqs
from tests.unit.ingest_relay.stream import TABLES, record, recorded

SETTINGS = (
    "CHANGES_TOPIC_ARN",
    "FAILURE_QUEUE_URL",
    "SENTIMENT_TABLE",
    "USERS_TABLE",
    "LOG_LEVEL",
    "METRICS",
    "DEPLOYMENT_NAME",
    "TRACING",
)


@pytest.fixture
def sns() -> FakeSns:
    return FakeSns()


@pytest.fixture
def sqs() -> FakeSqs:
    return FakeSqs()


@pytest.fixture
def built(sns: FakeSns, sqs: FakeSqs, monkeypatch: pytest.MonkeyPatch) -> None:
    relay = Relay(Topic(sns, TOPIC_ARN), FailureQueue(sqs, QUEUE_URL), TABLES, clock=lambda: 1732280000.1234)
    monkeypatch.setattr(entry, "built_relay", lambda: relay)
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)


@pytest.mark.usefixtures("built")
def test_a_stream_batch_that_is_done_returns_no_failures(sns: FakeSns) -> None:
    assert entry.handler(recorded("transact-write-items"), None) == {"batchItemFailures": []}
    assert len(sns.taken) == 1
    assert '"trace"' not in sns.taken[0]


@pytest.mark.usefixtures("built")
def test_a_stream_batch_that_is_cut_short_returns_the_one_number_to_go_on_from(sns: FakeSns) -> None:
    sns.script.append(TIMED_OUT)
    event = recorded("transact-write-items")
    first = event["Records"][0]["dynamodb"]["SequenceNumber"]
    assert entry.handler(event, None) == {"batchItemFailures": [{"itemIdentifier": first}]}


@pytest.mark.usefixtures("built")
def test_each_invocations_trace_header_is_passed_on(sns: FakeSns, monkeypatch: pytest.MonkeyPatch) -> None:
    for trace in ("Root=1-1", "Root=1-2"):
        monkeypatch.setenv("_X_AMZN_TRACE_ID", trace)
        entry.handler({"Records": [record()]}, None)
        assert f'"trace":"{trace}"' in sns.taken[-1]
    entry.handler({"canary": True}, None)
    assert '"trace":"Root=1-2"' in sns.taken[-1]


@pytest.mark.usefixtures("built")
def test_a_tumbling_windows_shard_is_told_to_the_failure_queue(sqs: FakeSqs) -> None:
    entry.handler({"Records": [{}], "shardId": "shardId-7", "isFinalInvokeForWindow": False}, None)
    assert '"shard":"shardId-7"' in sqs.taken[0]


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    "event", [{"canary": True}, {"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}]
)
def test_a_schedule_sends_a_canary(event: object, sns: FakeSns) -> None:
    assert entry.handler(event, None) == {"sent_at": 1732280000123}
    assert sns.taken == ['{"v":1,"canary":{"sent_at":1732280000123}}']


@pytest.mark.usefixtures("built")
@pytest.mark.parametrize(
    ("event", "says"),
    [
        (None, "the event is a NoneType"),
        ({}, "the event has the members []"),
        ({"canary": 1}, "['canary']"),
        ({"Records": {}}, "['Records']"),
        ({"Records": [{"eventSource": "aws:sqs", "body": "secret"}]}, "from ['aws:sqs']"),
        ({"Records": [{"EventSource": "aws:sns"}]}, "from ['aws:sns']"),
    ],
)
def test_any_other_event_is_answered_with_what_was_expected(event: object, says: str, sns: FakeSns) -> None:
    with pytest.raises(entry.UnexpectedEvent) as caught:
        entry.handler(event, None)
    assert says in str(caught.value)
    assert "DynamoDB stream batch" in str(caught.value)
    assert "EventBridge" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert sns.requests == []


@pytest.mark.usefixtures("built")
def test_one_strange_record_does_not_make_a_batch_strange(sns: FakeSns, sqs: FakeSqs) -> None:
    entry.handler({"Records": [{"eventSource": "aws:sqs"}, record()]}, None)
    assert (len(sns.taken), len(sqs.taken)) == (1, 1)


@pytest.fixture
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An execution environment that has built nothing yet, with nothing in its environment."""
    for key in SETTINGS:
        monkeypatch.delenv(key, raising=False)
    entry.built_relay.cache_clear()
    yield
    entry.built_relay.cache_clear()


@pytest.mark.usefixtures("fresh")
def test_a_wrong_environment_fails_each_invocation_until_it_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        with pytest.raises(SettingsError, match="CHANGES_TOPIC_ARN: not set") as caught:
            entry.handler({"Records": [record()]}, None)
        assert len(caught.value.mistakes) == 3
    monkeypatch.setenv("CHANGES_TOPIC_ARN", TOPIC_ARN)
    monkeypatch.setenv("FAILURE_QUEUE_URL", QUEUE_URL)
    monkeypatch.setenv("SENTIMENT_TABLE", "sentiment")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    assert entry.built_relay() is entry.built_relay()


def test_importing_the_handler_needs_boto3_alone_and_builds_nothing() -> None:
    script = """
import sys
import boto3
before = set(sys.modules)
import ingest_relay.handler
imported = {name.partition(".")[0] for name in set(sys.modules) - before}
print(sorted(imported - sys.stdlib_module_names))
print(ingest_relay.handler.built_relay.cache_info().currsize)
"""
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    imported, built = run.stdout.splitlines()
    assert imported == "['ingest_relay']"
    assert built == "0"
