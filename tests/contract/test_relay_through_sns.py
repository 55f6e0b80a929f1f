"""The relay against the protocol of SNS and SQS (moto's server): what the stream brought is what a queue receives."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import boto3
import pytest
from boto3.dynamodb.types import TypeDeserializer

from ingest_relay import handler as entry
from ingest_relay.record import SENTIMENT, USERS
from tests.moto_in_process import moto_in_process
from tests.unit.ingest_relay.stream import RECORDED, record, recorded

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An AWS on a free port of loopback."""
    with moto_in_process() as url:
        yield url


@dataclass
class Aws:
    """A topic, a queue that hears it by raw delivery, and the failure queue; fresh for each test."""

    sns: SNSClient
    sqs: SQSClient
    name: str = field(default_factory=lambda: f"relay-{uuid4()}")

    def __post_init__(self) -> None:
        self.topic = self.sns.create_topic(Name=self.name)["TopicArn"]
        self.failures = self.sqs.create_queue(QueueName=f"{self.name}-failures")["QueueUrl"]
        self.queue, self.subscription = self.subscribed(f"{self.name}-queue")

    def subscribed(self, name: str) -> tuple[str, str]:
        """A queue's URL and the ARN of its subscription."""
        url = self.sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        subscription = self.sns.subscribe(
            TopicArn=self.topic,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )
        return url, subscription["SubscriptionArn"]

    def received(self, url: str) -> list[str]:
        """Every body that waits in a queue, in order; they are gone from it afterwards."""
        bodies: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                bodies.append(message["Body"])
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return bodies

    def changes(self) -> list[dict[str, Any]]:
        """Every change that waits in the queue, with numbers as they were written."""
        return [change for body in self.received(self.queue) for change in exactly(body)["changes"]]


@pytest.fixture
def aws(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    sns, sqs = boto3.client("sns"), boto3.client("sqs")
    found = Aws(sns, sqs)
    monkeypatch.setenv("CHANGES_TOPIC_ARN", found.topic)
    monkeypatch.setenv("FAILURE_QUEUE_URL", found.failures)
    monkeypatch.setenv("SENTIMENT_TABLE", "sentiment")
    monkeypatch.setenv("USERS_TABLE", "users")
    logger, silent = logging.getLogger("ingest_relay"), logging.NullHandler()
    logger.addHandler(silent)
    entry.built_relay.cache_clear()
    yield found
    entry.built_relay.cache_clear()
    logger.removeHandler(silent)
    logger.setLevel(logging.NOTSET)
    sns.close()
    sqs.close()


def exactly(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    return found


def meant(one: dict[str, Any]) -> dict[str, Any]:
    """The change that a record means, by boto3's own reading of DynamoDB's types."""
    body = one["dynamodb"]
    table = one["eventSourceARN"].split("/")[1]
    allowed = {"sentiment": SENTIMENT, "users": USERS}[table]
    read = TypeDeserializer().deserialize
    change = {
        "op": one["eventName"],
        "table": table,
        "keys": {name: read(body["Keys"][name]) for name in allowed.keys},
        "seq": body["SequenceNumber"],
        "committed_at": Decimal(body["ApproximateCreationDateTime"]),
    }
    for name, image in (("new", "NewImage"), ("old", "OldImage")):
        if image in body:
            change[name] = {key: read(body[image][key]) for key in allowed.attributes if key in body[image]}
    if "userIdentity" in one:
        change["ttl"] = True
    return change


def digits(value: object) -> object:
    """The value with each number in place of which stand its digits and exponent: 0.5 differs from 0.50."""
    match value:
        case Decimal():
            return value.as_tuple()
        case dict():
            return {key: digits(member) for key, member in value.items()}
        case list():
            return [digits(member) for member in value]
        case _:
            return value


@pytest.mark.parametrize("name", RECORDED)
def test_a_queue_receives_every_change_of_a_recorded_batch_to_the_digit(name: str, aws: Aws) -> None:
    event = recorded(name)
    broken = [1] if name.startswith("undecodable") else []
    assert entry.handler(event, None) == {"batchItemFailures": []}

    fine = [one for place, one in enumerate(event["Records"]) if place not in broken]
    bodies = aws.received(aws.queue)
    assert len(bodies) == 1
    received = exactly(bodies[0])["changes"]
    assert digits(received) == digits([meant(one) for one in fine])

    failures = aws.received(aws.failures)
    assert [json.loads(body)["seq"] for body in failures] == [
        event["Records"][place]["dynamodb"]["SequenceNumber"] for place in broken
    ]
    articles = {
        one["dynamodb"][image]["article_text"]["S"][:40]
        for one in event["Records"]
        for image in ("NewImage", "OldImage")
        if "article_text" in one["dynamodb"].get(image, {})
    }
    assert not [body for body in bodies + failures if any(article in body for article in articles)]


def test_a_canary_reaches_the_queue(aws: Aws) -> None:
    sent = entry.handler({"source": "aws.events", "detail-type": "Scheduled Event"}, None)
    (body,) = aws.received(aws.queue)
    assert json.loads(body) == {"v": 1, "canary": sent}


def test_large_batches_are_several_messages_in_one_request_and_arrive_whole(aws: Aws) -> None:
    records = [record(seq, new={"source": {"S": f"{seq:06}" * 1_000}}) for seq in range(1, 71)]
    assert entry.handler({"Records": records}, None) == {"batchItemFailures": []}
    assert sorted(int(change["seq"]) for change in aws.changes()) == list(range(1, 71))


def test_what_the_answer_does_not_name_is_delivered_again(aws: Aws) -> None:
    # moto answers 200 with neither Successful nor Failed while a subscription's queue is gone
    gone, subscription = aws.subscribed(f"{aws.name}-gone")
    aws.sqs.delete_queue(QueueUrl=gone)
    event = recorded("insert-positive-neutral-negative")
    first = event["Records"][0]["dynamodb"]["SequenceNumber"]
    assert entry.handler(event, None) == {"batchItemFailures": [{"itemIdentifier": first}]}
    aws.received(aws.queue)
    aws.sns.unsubscribe(SubscriptionArn=subscription)
    assert entry.handler(event, None) == {"batchItemFailures": []}
    assert len(aws.changes()) == 3


def test_without_the_topic_the_batch_is_delivered_again(aws: Aws) -> None:
    aws.sns.delete_topic(TopicArn=aws.topic)
    event = recorded("burst-three-keys-1-of-3")
    first = event["Records"][0]["dynamodb"]["SequenceNumber"]
    assert entry.handler(event, None) == {"batchItemFailures": [{"itemIdentifier": first}]}


def test_without_the_failure_queue_the_broken_record_is_delivered_again(aws: Aws) -> None:
    aws.sqs.delete_queue(QueueUrl=aws.failures)
    event = recorded("undecodable-broken-number")
    broken = event["Records"][1]["dynamodb"]["SequenceNumber"]
    assert entry.handler(event, None) == {"batchItemFailures": [{"itemIdentifier": broken}]}
