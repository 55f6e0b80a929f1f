"""The embedded AWS for real: moto in its own process, provisioned, written to, pumped."""

from __future__ import annotations

import json
import socket
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import pytest

from streamer.event_source import RetryPolicy
from streamer.local.aws import EmbeddedAws, EmbeddedAwsError
from streamer.local.clients import LocalClients
from streamer.local.ports import listener
from streamer.local.provision import VISIBLE, provision
from streamer.local.relay import drive, table_mapping
from streamer.local.resources import Resources
from streamer.local.schedule import CanarySchedule
from streamer.local.users import CONFIGURATIONS
from streamer.local.writer import NewsWriter, TableWrite, news
from tests.watchdog import WATCHDOG


@pytest.fixture(scope="module")
def aws() -> Iterator[EmbeddedAws]:
    with EmbeddedAws() as embedded:
        yield embedded


@pytest.fixture
def resources(aws: EmbeddedAws) -> Resources:
    return provision(aws.endpoint_url, suffix=f"-{uuid.uuid4().hex[:8]}")


class Recorder:
    """A handler that keeps the records of each table and can be waited for."""

    def __init__(self) -> None:
        self.records: dict[str, list[dict[str, Any]]] = {}
        self.canaries: list[dict[str, Any]] = []
        self.answers: list[Any] = []
        self._changed = threading.Condition()

    def __call__(self, event: dict[str, Any], context: Any) -> object:
        with self._changed:
            try:
                if self.answers and "Records" in event:
                    answer = self.answers.pop(0)
                    if isinstance(answer, Exception):
                        raise answer
                    return answer
                for each in event.get("Records", []):
                    table = each["eventSourceARN"].split("/")[1]
                    self.records.setdefault(table, []).append(each)
                if "Records" not in event:
                    self.canaries.append(event)
                return {"batchItemFailures": []}
            finally:
                self._changed.notify_all()

    def wait_for(self, condition: Callable[[], bool]) -> None:
        with self._changed:
            assert self._changed.wait_for(condition, WATCHDOG)

    def seen(self, table: str) -> list[dict[str, Any]]:
        return self.records.get(table, [])


@contextmanager
def pumping(resources: Resources, handler: Any, policy: RetryPolicy | None = None) -> Iterator[None]:
    stop = threading.Event()
    mapping = table_mapping(resources, handler, interval=0.005, policy=policy)
    thread = threading.Thread(target=drive, args=(mapping, CanarySchedule(handler), stop))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(WATCHDOG)


class ChildListener:
    """Keeps the exit codes of a child."""

    def __init__(self) -> None:
        self.codes: list[int] = []

    def line(self, part: str, line: str) -> None:
        pass

    def ended(self, part: str, code: int) -> None:
        self.codes.append(code)


def test_it_listens_on_loopback_alone_and_ends_by_itself_when_let_go() -> None:
    listener_ = ChildListener()
    with EmbeddedAws(listener=listener_) as embedded:
        address = urlsplit(embedded.endpoint_url)
        assert address.hostname == "127.0.0.1"
        assert address.port is not None
        assert listener_.codes == []
    assert listener_.codes == [0]
    with socket.socket() as sock, pytest.raises(ConnectionRefusedError):
        sock.connect(("127.0.0.1", address.port))


def test_a_moto_that_cannot_start_is_told_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_MAX_FORM_MEMORY_SIZE", "not a number")
    with pytest.raises(EmbeddedAwsError, match="not a number"), EmbeddedAws():
        pytest.fail("it started")


def test_provisioning_makes_what_the_design_says(aws: EmbeddedAws, resources: Resources) -> None:
    clients = LocalClients(aws.endpoint_url)
    table = clients.dynamodb().describe_table(TableName=resources.sentiment_table)["Table"]
    assert [key["AttributeName"] for key in table["KeySchema"]] == ["source_id", "timestamp"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    [index] = table["GlobalSecondaryIndexes"]
    assert (index["IndexName"], [key["AttributeName"] for key in index["KeySchema"]]) == (
        "by_sentiment",
        ["sentiment", "timestamp"],
    )
    assert index["Projection"]["ProjectionType"] == "INCLUDE"
    assert set(index["Projection"]["NonKeyAttributes"]) == {*VISIBLE, "ttl_timestamp"}
    expiry = clients.dynamodb().describe_time_to_live(TableName=resources.sentiment_table)["TimeToLiveDescription"]
    assert (expiry["TimeToLiveStatus"], expiry["AttributeName"]) == ("ENABLED", "ttl_timestamp")
    users = clients.dynamodb().scan(TableName=resources.users_table)["Items"]
    assert len(users) == len(CONFIGURATIONS)
    assert {user["PK"]["S"] for user in users} == {"USER#ada", "USER#grace", "USER#linus"}
    assert all(len(user["tickers"]["L"]) <= 5 for user in users)
    assert clients.sns().get_topic_attributes(TopicArn=resources.topic_arn)
    assert clients.sqs().get_queue_attributes(QueueUrl=resources.failure_queue_url, AttributeNames=["All"])


def test_provisioning_again_changes_nothing(aws: EmbeddedAws) -> None:
    suffix = f"-{uuid.uuid4().hex[:8]}"
    first = provision(aws.endpoint_url, suffix=suffix)
    dynamodb = LocalClients(aws.endpoint_url).dynamodb()
    key = {"PK": {"S": "USER#ada"}, "SK": {"S": "CONFIG#cars"}}
    dynamodb.update_item(
        TableName=first.users_table,
        Key=key,
        UpdateExpression="SET #n = :n",
        ExpressionAttributeNames={"#n": "name"},
        ExpressionAttributeValues={":n": {"S": "mine"}},
    )
    assert provision(aws.endpoint_url, suffix=suffix) == first
    assert dynamodb.get_item(TableName=first.users_table, Key=key)["Item"]["name"] == {"S": "mine"}


def test_a_proxy_of_the_machine_is_not_asked_for_loopback(
    aws: EmbeddedAws, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    with listener() as sock:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{sock.getsockname()[1]}")
    topics = LocalClients(aws.endpoint_url).sns().list_topics()["Topics"]
    assert {"TopicArn": resources.topic_arn} in topics


def test_news_arrives_whole_in_order_and_in_lambdas_shape(aws: EmbeddedAws, resources: Resources) -> None:
    writes = list(islice(news(seed=3, rate=50), 150))
    recorder = Recorder()
    writer = NewsWriter(LocalClients(aws.endpoint_url).dynamodb(), resources.sentiment_table)
    with pumping(resources, recorder):
        for edit in writes:
            writer.write(edit)
        recorder.wait_for(lambda: len(recorder.seen(resources.sentiment_table)) >= len(writes))
        recorder.wait_for(lambda: len(recorder.seen(resources.users_table)) >= len(CONFIGURATIONS))
    records = recorder.seen(resources.sentiment_table)
    names = {"put": "INSERT", "update": "MODIFY", "delete": "REMOVE"}
    assert [(each["eventName"], each["dynamodb"]["Keys"]["source_id"]["S"]) for each in records] == [
        (names[edit.action], edit.source_id) for edit in writes
    ]
    numbers = [int(each["dynamodb"]["SequenceNumber"]) for each in records]
    assert numbers == sorted(set(numbers))
    assert len(recorder.canaries) == 1
    first = records[0]
    assert json.loads(json.dumps(first)) == first
    assert first["eventSourceARN"] == resources.sentiment_stream_arn
    assert isinstance(first["dynamodb"]["ApproximateCreationDateTime"], int)
    assert abs(datetime.now(UTC).timestamp() - first["dynamodb"]["ApproximateCreationDateTime"]) < WATCHDOG


def test_a_binary_attribute_arrives_as_base64(aws: EmbeddedAws, resources: Resources) -> None:
    recorder = Recorder()
    item: dict[str, Any] = {
        "source_id": {"S": "wire:1"},
        "timestamp": {"S": "2026-11-22T14:20:29.052Z"},
        "one": {"B": b"\x00\xff"},
        "set": {"BS": [b"\x01"]},
        "nested": {"M": {"deep": {"L": [{"B": b"ab"}]}}},
    }
    LocalClients(aws.endpoint_url).dynamodb().put_item(TableName=resources.sentiment_table, Item=item)
    with pumping(resources, recorder):
        recorder.wait_for(lambda: bool(recorder.seen(resources.sentiment_table)))
    [record] = recorder.seen(resources.sentiment_table)
    image = record["dynamodb"]["NewImage"]
    assert (image["one"], image["set"]) == ({"B": "AP8="}, {"BS": ["AQ=="]})
    assert image["nested"] == {"M": {"deep": {"L": [{"B": "YWI="}]}}}


def test_what_the_handler_refuses_for_good_is_told_to_the_failure_queue(aws: EmbeddedAws, resources: Resources) -> None:
    recorder = Recorder()
    recorder.answers = [RuntimeError("for a test")]
    writer = NewsWriter(LocalClients(aws.endpoint_url).dynamodb(), resources.sentiment_table)
    writer.write(TableWrite(0, "put", "wire:1", 0, {"sentiment": "neutral"}))
    stream_policy = RetryPolicy(max_attempts=1)
    queue = LocalClients(aws.endpoint_url).sqs()
    with pumping(resources, recorder, stream_policy):
        recorder.wait_for(lambda: not recorder.answers)
        writer.write(TableWrite(0, "put", "wire:2", 0, {"sentiment": "neutral"}))
        recorder.wait_for(lambda: bool(recorder.seen(resources.sentiment_table)))
        answer = queue.receive_message(QueueUrl=resources.failure_queue_url, WaitTimeSeconds=10)
    assert [each["dynamodb"]["Keys"]["source_id"]["S"] for each in recorder.seen(resources.sentiment_table)] == [
        "wire:2"
    ]
    told = json.loads(answer["Messages"][0]["Body"])
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert told["DDBStreamBatchInfo"]["streamArn"] == resources.sentiment_stream_arn
    assert "neutral" not in answer["Messages"][0]["Body"]


def test_an_iterator_that_is_no_more_known_has_expired(aws: EmbeddedAws, resources: Resources) -> None:
    streams = LocalClients(aws.endpoint_url).streams()
    with pytest.raises(streams.exceptions.ExpiredIteratorException):
        streams.get_records(ShardIterator=f"{resources.sentiment_stream_arn}|1|long ago")


def test_the_topic_delivers_raw_to_a_queue(aws: EmbeddedAws, resources: Resources) -> None:
    clients = LocalClients(aws.endpoint_url)
    sns, sqs = clients.sns(), clients.sqs()
    url = sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    sns.subscribe(TopicArn=resources.topic_arn, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sns.publish(TopicArn=resources.topic_arn, Message='{"v":1}')
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert message["Body"] == '{"v":1}'
