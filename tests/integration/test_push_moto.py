"""Push against the protocol of SNS and SQS (moto's server): what is published arrives, and nothing is left behind."""

from __future__ import annotations

import json
import queue
import socket
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import uuid4

import pytest
from boto3.session import Session

from streamer.aws.clients import connect_queue
from streamer.change import Key
from streamer.clock import wall_ms
from streamer.errors import LeaseLost, PoisonMessage
from streamer.intake.decode import Canary
from streamer.intake.lease import Lease
from streamer.intake.push import Push, QueueSettings
from streamer.intake.receive import Decoded, QueueMessage, Receiver
from streamer.intake.signals import LeaseFailed, LeaseGone, LeaseTaken, QueueRead, Signal
from streamer.telemetry.counters import Counters
from tests.loop_thread import LoopThread
from tests.moto_in_process import moto_in_process
from tests.watchdog import WATCHDOG

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

WAIT = 1
"""Seconds of a long poll."""
Kind = TypeVar("Kind", bound=Signal)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An AWS on a free port of loopback."""
    with moto_in_process() as url:
        yield url


@dataclass
class Cloud:
    """A topic, and what stands on it."""

    sns: SNSClient
    sqs: SQSClient
    topic_arn: str
    prefix: str

    def publish(self, *bodies: str) -> None:
        for body in bodies:
            self.sns.publish(TopicArn=self.topic_arn, Message=body)

    def queues(self) -> list[str]:
        return self.sqs.list_queues(QueueNamePrefix=self.prefix).get("QueueUrls", [])

    def subscriptions(self) -> list[str]:
        page = self.sns.list_subscriptions_by_topic(TopicArn=self.topic_arn)
        return [one["Endpoint"] for one in page["Subscriptions"]]

    def attributes(self, queue_url: str) -> dict[str, str]:
        found = self.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["All"])["Attributes"]
        return {str(name): value for name, value in found.items()}


@pytest.fixture
def cloud(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    session = Session()
    sns, sqs = session.client("sns"), session.client("sqs")
    name = f"push-{uuid4()}"
    yield Cloud(sns, sqs, sns.create_topic(Name=name)["TopicArn"], name[:36])
    sns.close()
    sqs.close()


class Service(LoopThread):
    """What a service gives to a Push, and what it hears: canaries in order, poison by its reason."""

    def __init__(self, cloud: Cloud) -> None:
        self.sent: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.poison: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self.signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self.push = Push(
            QueueSettings(cloud.topic_arn, cloud.prefix, "sentiment", wait_seconds=WAIT),
            self,
            self,
            Counters(),
        )
        super().__init__(self.push.run)

    def take(self, messages: Sequence[Decoded]) -> Sequence[Key]:
        for message, content in messages:
            if isinstance(content, PoisonMessage):
                self.poison.put((message.id, content.reason))
                continue
            assert isinstance(content, Canary)
            assert message.sent_at_ms is not None
            assert message.sent_at_ms <= message.received_at_ms
            self.sent.put(content.sent_at)
        return ()

    def announce_mode(self) -> None:
        raise AssertionError("Push knows no mode")

    def hear(self, signal: Signal) -> None:
        self.signals.put(signal)

    def hears(self, kind: type[Kind]) -> Kind:
        while True:
            signal = self.signals.get(timeout=WATCHDOG)
            if isinstance(signal, kind):
                return signal


@contextmanager
def running(cloud: Cloud) -> Iterator[Service]:
    """A Push that holds its lease; stopped at the end, which must not fail."""
    service = Service(cloud)
    service.start()
    try:
        service.hears(QueueRead)
        yield service
    finally:
        service.stop()


def canary(sent_at: int) -> str:
    return json.dumps({"v": 1, "canary": {"sent_at": sent_at}})


def test_what_is_published_is_delivered_and_deleted(cloud: Cloud) -> None:
    with running(cloud) as service:
        cloud.publish(*(canary(number) for number in range(15)))
        assert sorted(service.sent.get(timeout=WATCHDOG) for _ in range(15)) == list(range(15))
        deleted = 0
        while deleted < 15:
            polled = service.hears(QueueRead)
            assert polled.undeleted == 0
            deleted += polled.messages
        counts = cloud.attributes(cloud.queues()[0])
        assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert service.sent.empty()


def test_a_poison_message_is_met_once_and_holds_up_nothing(cloud: Cloud) -> None:
    with running(cloud) as service:
        cloud.publish("no JSON at all", '{"v":2}', canary(1))
        assert service.sent.get(timeout=WATCHDOG) == 1
        met = [service.poison.get(timeout=WATCHDOG) for _ in range(2)]
        assert sorted(reason for _, reason in met) == ["json", "version"]
        deleted = 0
        while deleted < 3:
            deleted += service.hears(QueueRead).messages
        assert cloud.attributes(cloud.queues()[0])["ApproximateNumberOfMessagesNotVisible"] == "0"
    assert service.poison.empty()


def test_the_lease_is_made_as_asked_and_leaves_no_queue_and_no_subscription(cloud: Cloud) -> None:
    with running(cloud):
        (queue_url,) = cloud.queues()
        attributes = cloud.attributes(queue_url)
        assert cloud.subscriptions() == [attributes["QueueArn"]]
        asked = {
            "MessageRetentionPeriod": "300",
            "VisibilityTimeout": "5",
            "ReceiveMessageWaitTimeSeconds": str(WAIT),
            "SqsManagedSseEnabled": "true",
        }
        assert asked.items() <= attributes.items()
        (statement,) = json.loads(attributes["Policy"])["Statement"]
        assert statement["Resource"] == attributes["QueueArn"]
        assert statement["Condition"] == {"ArnEquals": {"aws:SourceArn": cloud.topic_arn}}
        assert cloud.sqs.list_queue_tags(QueueUrl=queue_url)["Tags"]["topic"] == cloud.topic_arn
    assert (cloud.queues(), cloud.subscriptions()) == ([], [])


def test_a_stop_during_a_receive_leaves_nothing(cloud: Cloud) -> None:
    before = set(threading.enumerate())
    with running(cloud) as service:
        service.hears(QueueRead)  # an empty long poll came back, so the next one is under way
    for thread in set(threading.enumerate()) - before:
        thread.join(WATCHDOG)  # the receive ends by itself
    assert not {thread for thread in set(threading.enumerate()) - before if thread.name == "intake-push"}
    assert (cloud.queues(), cloud.subscriptions()) == ([], [])


def test_two_on_one_topic_both_get_everything(cloud: Cloud) -> None:
    with running(cloud) as one, running(cloud) as other:
        assert len(cloud.queues()) == len(cloud.subscriptions()) == 2
        cloud.publish(*(canary(number) for number in range(8)))
        for service in (one, other):
            assert sorted(service.sent.get(timeout=WATCHDOG) for _ in range(8)) == list(range(8))
    assert (cloud.queues(), cloud.subscriptions()) == ([], [])


def test_a_queue_deleted_by_somebody_is_replaced(cloud: Cloud) -> None:
    with running(cloud) as service:
        (queue_url,) = cloud.queues()
        cloud.sqs.delete_queue(QueueUrl=queue_url)
        assert service.hears(LeaseGone).error.startswith("sqs:ReceiveMessage: ")
        service.hears(LeaseTaken)
        cloud.publish(canary(7))  # fails here while a subscription without a queue is left
        assert service.sent.get(timeout=WATCHDOG) == 7
    assert (cloud.queues(), cloud.subscriptions()) == ([], [])


def test_a_lost_queue_and_a_refused_receipt_are_known_by_the_engines_own_answers(cloud: Cloud) -> None:
    clients = connect_queue(WAIT)
    lease = Lease.acquire(*clients, cloud.topic_arn, cloud.prefix, wait_seconds=WAIT, now=wall_ms)
    receiver = Receiver(clients.sqs, lease.queue_url, wait_seconds=WAIT, now=wall_ms)
    assert receiver.receive() == ()
    cloud.publish("one", "two")
    messages = receiver.receive()
    unknown = QueueMessage("3", "no receipt", "", 0, None, 1)
    assert receiver.delete((*messages, unknown)) == 1
    lease.release()
    with pytest.raises(LeaseLost):
        receiver.receive()
    lease.release()
    clients.close()


def test_an_aws_that_is_not_there_is_tried_again_until_the_stop(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port, and it refuses
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{taken.getsockname()[1]}")
        service = Service(cloud)
        service.start()
        for _ in range(2):
            assert service.hears(LeaseFailed) == LeaseFailed("sqs:CreateQueue: EndpointConnectionError")
        service.stop()
    assert cloud.queues() == []
