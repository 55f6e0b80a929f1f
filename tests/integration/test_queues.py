"""`streamer queues` and the repair of a lease against the protocol of SNS and SQS (moto's server)."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import pytest
from boto3.session import Session
from botocore.awsrequest import AWSResponse

from streamer.aws.clients import QueueClients, connect_queue
from streamer.change import Key, iso_time
from streamer.clock import wall_ms
from streamer.errors import LeaseError, LeaseLost
from streamer.intake import reaper
from streamer.intake.lease import Lease
from streamer.intake.push import Push, QueueSettings
from streamer.intake.reaper import DEAD_AFTER, Reaper
from streamer.intake.receive import Decoded
from streamer.intake.signals import LeaseGone, LeaseTaken, QueueFailed, QueueRead, Signal
from streamer.telemetry.counters import Counters
from tests.integration.terminal import machine, ran
from tests.loop_thread import LoopThread
from tests.moto_in_process import moto_in_process
from tests.watchdog import WATCHDOG

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

WAIT = 1
"""Seconds of a long poll."""
ACCOUNT = "123456789012"
Kind = TypeVar("Kind", bound=Signal)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """An AWS on a free port of loopback."""
    with moto_in_process() as url:
        yield url


@dataclass
class Cloud:
    """A topic, and the queues of a prefix that is nobody else's."""

    sns: SNSClient
    sqs: SQSClient
    topic_arn: str
    prefix: str

    def name(self) -> str:
        return f"{self.prefix}-{uuid4()}"

    def make(self, name: str, age_ms: int = DEAD_AFTER + 60_000, **changes: str | None) -> str:
        """A subscribed queue as a container would have left it; returns its name."""
        tags: dict[str, str | None] = {
            "service": "sentiment-streamer",
            "topic": self.topic_arn,
            "heartbeat": iso_time(wall_ms() - age_ms),
        }
        given = {key: value for key, value in (tags | changes).items() if value is not None}
        self.sqs.create_queue(QueueName=name, tags=given)
        self.subscribe(name)
        return name

    def subscribe(self, name: str) -> str:
        endpoint = f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"
        return self.sns.subscribe(TopicArn=self.topic_arn, Protocol="sqs", Endpoint=endpoint)["SubscriptionArn"]

    def queues(self) -> set[str]:
        return {
            url.rpartition("/")[2] for url in self.sqs.list_queues(QueueNamePrefix=self.prefix).get("QueueUrls", [])
        }

    def subscribed(self) -> set[str]:
        """Names of the queues that have a subscription, there or not."""
        pages = self.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self.topic_arn)
        return {each["Endpoint"].rpartition(":")[2] for page in pages for each in page["Subscriptions"]}

    def reaper(self) -> Reaper:
        return Reaper(QueueClients(self.sqs, self.sns), self.topic_arn, self.prefix, sleep=lambda _seconds: None)


@pytest.fixture
def cloud(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    session = Session()
    sns, sqs = session.client("sns"), session.client("sqs")
    name = f"queues-{uuid4()}"
    yield Cloud(sns, sqs, sns.create_topic(Name=name)["TopicArn"], name[:15])
    sns.close()
    sqs.close()


def crowd(cloud: Cloud) -> tuple[set[str], set[str], set[str]]:
    """Queues of every kind: the dead, those of living containers or without a heartbeat, and lookalikes."""
    dead = {cloud.make(cloud.name()) for _ in range(3)}
    alive = {
        cloud.make(cloud.name(), age_ms=1000),
        cloud.make(cloud.name(), age_ms=-3_600_000),
        cloud.make(cloud.name(), heartbeat="yesterday"),
        cloud.make(cloud.name(), heartbeat=None),
    }
    lookalikes = {
        cloud.make(f"{cloud.prefix}-blue-{uuid4()}"),
        cloud.make(f"{cloud.prefix}-{str(uuid4()).upper()}"),
        cloud.make(f"{cloud.prefix}-failures"),
        cloud.make(cloud.name(), topic=f"{cloud.topic_arn}-staging"),
        cloud.make(cloud.name(), service="sentiment-archiver"),
        cloud.make(cloud.name(), service=None, topic=None, heartbeat=None),
    }
    return dead, alive, lookalikes


def test_exactly_the_dead_are_taken_and_with_everything_all_of_ours(cloud: Cloud) -> None:
    dead, alive, lookalikes = crowd(cloud)
    lost = cloud.name()
    cloud.subscribe(lost)
    dry = cloud.reaper().prune(dry_run=True)
    assert {fate.name for fate in dry.those("would be removed") if fate.kind == "queue"} == dead
    assert cloud.queues() == dead | alive | lookalikes
    report = cloud.reaper().prune()
    assert {fate.name for fate in report.those("removed") if fate.kind == "queue"} == dead
    assert (cloud.queues(), cloud.subscribed()) == (alive | lookalikes, alive | lookalikes)
    assert cloud.reaper().prune().those("removed") == ()
    cloud.reaper().prune(everything=True)
    assert (cloud.queues(), cloud.subscribed()) == (lookalikes, lookalikes)


def test_both_listings_are_read_over_their_pages(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reaper, "_PAGE", 7)
    for _ in range(105):  # SNS pages by a hundred
        cloud.make(cloud.name())
    report = cloud.reaper().prune(limit=1000)
    assert len(report.those("removed")) == 105
    assert (cloud.queues(), cloud.subscribed()) == (set(), set())


def test_what_a_killed_container_left_goes_when_it_is_old_enough(cloud: Cloud) -> None:
    lease = Lease.acquire(cloud.sqs, cloud.sns, cloud.topic_arn, cloud.prefix, wait_seconds=WAIT, now=wall_ms)
    assert cloud.reaper().prune().those("removed") == ()
    later = Reaper(
        QueueClients(cloud.sqs, cloud.sns),
        cloud.topic_arn,
        cloud.prefix,
        now=lambda: wall_ms() + DEAD_AFTER + 1000,
    )
    assert [fate.name for fate in later.prune().those("removed")] == [lease.name]
    assert (cloud.queues(), cloud.subscribed()) == (set(), set())


def test_a_topic_that_is_gone_keeps_no_queue(cloud: Cloud) -> None:
    name = cloud.make(cloud.name())
    cloud.sns.delete_topic(TopicArn=cloud.topic_arn)
    assert [fate.name for fate in cloud.reaper().prune().those("removed")] == [name]
    assert cloud.queues() == set()


# The lease


@pytest.fixture
def lease(cloud: Cloud) -> Lease:
    return Lease.acquire(cloud.sqs, cloud.sns, cloud.topic_arn, cloud.prefix, wait_seconds=WAIT, now=wall_ms)


def subscription_of(cloud: Cloud) -> str:
    (found,) = cloud.sns.list_subscriptions_by_topic(TopicArn=cloud.topic_arn)["Subscriptions"]
    return found["SubscriptionArn"]


def test_a_lease_that_works_passes_its_check_and_renews_its_heartbeat(cloud: Cloud, lease: Lease) -> None:
    lease.check()
    lease.renew(wall_ms() + 3_600_000)
    (found,) = cloud.reaper().examine()
    assert found.age_seconds is not None
    assert found.age_seconds < -3000
    assert found.subscriptions == (subscription_of(cloud),)
    lease.check()


def test_what_somebody_did_to_a_lease_is_found(cloud: Cloud, lease: Lease) -> None:
    subscription = subscription_of(cloud)
    attribute = partial(cloud.sns.set_subscription_attributes, SubscriptionArn=subscription)
    attribute(AttributeName="RawMessageDelivery", AttributeValue="false")
    with pytest.raises(LeaseLost, match="raw delivery"):
        lease.check()
    attribute(AttributeName="RawMessageDelivery", AttributeValue="true")
    lease.check()
    attribute(AttributeName="FilterPolicy", AttributeValue='{"a":["b"]}')
    with pytest.raises(LeaseLost, match="filter"):
        lease.check()
    attribute(AttributeName="FilterPolicy", AttributeValue="{}")
    lease.check()
    policy = cloud.sqs.get_queue_attributes(QueueUrl=lease.queue_url, AttributeNames=["Policy"])["Attributes"]["Policy"]
    for changed in ("", json.dumps(json.loads(policy) | {"Statement": []})):
        cloud.sqs.set_queue_attributes(QueueUrl=lease.queue_url, Attributes={"Policy": changed})
        with pytest.raises(LeaseLost, match="policy"):
            lease.check()
    cloud.sqs.set_queue_attributes(QueueUrl=lease.queue_url, Attributes={"Policy": json.dumps(json.loads(policy))})
    lease.check()
    cloud.sns.unsubscribe(SubscriptionArn=subscription)
    with pytest.raises(LeaseLost, match=r"^sns:GetSubscriptionAttributes: NotFound$"):
        lease.check()


def test_a_queue_that_is_gone_is_known_by_every_call(cloud: Cloud, lease: Lease) -> None:
    cloud.sqs.delete_queue(QueueUrl=lease.queue_url)
    with pytest.raises(LeaseLost, match="sqs:TagQueue"):
        lease.renew(wall_ms())
    with pytest.raises(LeaseLost, match="sqs:GetQueueAttributes"):
        lease.check()


DENIED = {
    "sqs": b'{"__type":"com.amazon.coral.service#AccessDeniedException","message":"User: arn:x is not authorized"}',
    "sns": b"<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code><Message>User: arn:x is not "
    b"authorized</Message></Error><RequestId>0</RequestId></ErrorResponse>",
}
"""How AWS words a missing permission."""


class Permission:
    """Answers calls in the place of AWS while a permission is taken away."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def connect(self, wait_seconds: int = WAIT) -> QueueClients:
        clients = connect_queue(wait_seconds, lean=False)
        for service, client in zip(("sqs", "sns"), clients, strict=True):
            events: Any = client.meta.events
            events.register(f"before-send.{service}", self._answer)
        return clients

    def _answer(self, request: Any, event_name: str, **_more: object) -> AWSResponse | None:
        _, service, operation = event_name.split(".")
        return Refusal(request.url, DENIED[service]) if operation in self.taken else None


class Refusal(AWSResponse):
    """A 403 that nobody sent."""

    def __init__(self, url: str, body: bytes) -> None:
        headers: Any = {"content-type": "text/plain"}
        super().__init__(url, 403, headers, None)
        self._content = body


def test_a_check_that_is_refused_is_no_loss(cloud: Cloud) -> None:
    permission = Permission()
    clients = permission.connect()
    lease = Lease.acquire(*clients, cloud.topic_arn, cloud.prefix, wait_seconds=WAIT, now=wall_ms)
    permission.taken = {"GetSubscriptionAttributes", "GetQueueAttributes", "TagQueue"}
    for attempt in (lease.check, lambda: lease.renew(wall_ms())):
        with pytest.raises(LeaseError, match=r"AuthorizationError|AccessDenied") as raised:
            attempt()
        assert not isinstance(raised.value, LeaseLost)
    permission.taken.clear()
    lease.check()
    lease.release()
    clients.close()


# The thread that holds it


class Service(LoopThread):
    """What a service gives to a Push, and what it hears."""

    def __init__(self, cloud: Cloud) -> None:
        self.bodies: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.signals: queue.SimpleQueue[Signal] = queue.SimpleQueue()
        self.permission = Permission()
        self.ahead_ms = 0
        self.push = Push(
            QueueSettings(cloud.topic_arn, cloud.prefix, "sentiment", wait_seconds=WAIT),
            self,
            self,
            Counters(),
            connect=self.permission.connect,
            now=lambda: wall_ms() + self.ahead_ms,
        )
        super().__init__(self.push.run)

    def take(self, messages: Sequence[Decoded]) -> Sequence[Key]:
        for message, _ in messages:
            self.bodies.put(message.body)
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
    """A Push that holds its lease; stopped at the end, with nothing left."""
    service = Service(cloud)
    service.start()
    try:
        service.hears(QueueRead)
        yield service
    finally:
        service.stop()
    assert (cloud.queues(), cloud.subscribed()) == (set(), set())


def test_a_subscription_removed_by_somebody_is_replaced_with_its_queue(cloud: Cloud) -> None:
    with running(cloud) as service:
        (before,) = cloud.queues()
        cloud.sns.publish(TopicArn=cloud.topic_arn, Message="before")
        cloud.sns.unsubscribe(SubscriptionArn=subscription_of(cloud))
        service.ahead_ms = 20_000  # as if the lease stood for a while
        service.push.check_soon()
        assert service.hears(LeaseGone) == LeaseGone("sns:GetSubscriptionAttributes: NotFound")
        service.hears(LeaseTaken)
        assert service.bodies.get(timeout=WATCHDOG) == "before"
        assert cloud.queues() == cloud.subscribed() != {before}
        cloud.sns.publish(TopicArn=cloud.topic_arn, Message="after")
        assert service.bodies.get(timeout=WATCHDOG) == "after"


def test_the_heartbeat_of_a_running_container_is_renewed(cloud: Cloud) -> None:
    with running(cloud) as service:
        service.ahead_ms = 301_000
        service.hears(QueueRead)
        service.hears(QueueRead)
        (found,) = cloud.reaper().examine()
        assert found.age_seconds is not None
        assert found.age_seconds < -200


def test_permission_that_is_lost_and_returns_needs_no_restart(cloud: Cloud) -> None:
    with running(cloud) as service:
        (before,) = cloud.queues()
        service.permission.taken = {"ReceiveMessage"}
        for _ in range(3):
            assert service.hears(QueueFailed).error.startswith("sqs:ReceiveMessage: AccessDenied")
        service.permission.taken = set()
        cloud.sns.publish(TopicArn=cloud.topic_arn, Message="after")
        assert service.bodies.get(timeout=WATCHDOG) == "after"
        assert cloud.queues() == {before}


def test_a_container_that_was_pruned_alive_takes_a_new_queue_by_itself(cloud: Cloud) -> None:
    with running(cloud) as service:
        (before,) = cloud.queues()
        assert [fate.name for fate in cloud.reaper().prune(everything=True).those("removed")] == [before]
        service.hears(LeaseTaken)
        cloud.sns.publish(TopicArn=cloud.topic_arn, Message="after")
        assert service.bodies.get(timeout=WATCHDOG) == "after"


# The command


def streamer(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs `streamer queues …` with the environment's AWS."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "streamer.cli", "queues", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        timeout=WATCHDOG,
        check=False,
    )


def test_the_command_lists_and_prunes(cloud: Cloud) -> None:
    dead, alive = cloud.make(cloud.name()), cloud.make(cloud.name(), age_ms=1000)
    by_name = {"CHANGES_TOPIC_ARN": cloud.topic_arn, "QUEUE_PREFIX": cloud.prefix}
    said = streamer("list", "--json", **by_name)
    assert (said.returncode, said.stderr) == (0, "")
    assert {each["name"]: each["verdict"] for each in map(json.loads, said.stdout.splitlines())} == {
        dead: "dead",
        alive: "alive",
    }
    said = streamer("list", "--topic", cloud.topic_arn, "--prefix", cloud.prefix)
    assert all(word in said.stdout for word in (dead, alive, "31 min ago", "its heartbeat is old"))
    said = streamer("prune", "--dry-run", **by_name)
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "1 would be removed, 1 left")
    said = streamer("prune", "--json", **by_name)
    assert sorted((each["name"], each["outcome"]) for each in map(json.loads, said.stdout.splitlines())) == sorted(
        [(dead, "removed"), (alive, "left")]
    )
    said = streamer("prune", "--all", **by_name)
    assert (said.returncode, said.stdout.splitlines()[-1]) == (0, "1 removed")
    said = streamer("prune", **by_name)
    assert (said.returncode, said.stdout) == (0, "there is nothing to remove\n")
    assert (cloud.queues(), cloud.subscribed()) == (set(), set())


async def test_the_running_demos_container_has_its_queue_and_keeps_it(tmp_path: Path) -> None:
    async with machine(tmp_path) as here:
        for _ in range(20):  # a container may serve before it has its queue; each look takes its time
            said = await ran(here, "queues", "list", "--json")
            if said.out and json.loads(said.out)["subscriptions"]:
                break
        found = json.loads(said.out)
        assert (found["verdict"], found["topic"]) == ("alive", here.resources.topic_arn)
        assert len(found["subscriptions"]) == 1
        said = await ran(here, "queues", "prune")
        assert (said.code, said.err) == (0, "")
        assert said.out.splitlines()[-1] == "1 left"


def test_what_is_wrong_is_said_in_a_sentence(cloud: Cloud, tmp_path: Path) -> None:
    for arguments, environment, code, words in (
        (["list"], {"XDG_RUNTIME_DIR": str(tmp_path)}, 2, "no demo runs on this machine"),
        (["list", "--topic", "changes"], {}, 2, "--topic='changes': not the ARN of an SNS topic"),
        (["list", "--topic", " "], {}, 2, "--topic=' ': empty"),
        (["prune", "--topic", cloud.topic_arn, "--prefix", "a.*"], {}, 2, "--prefix='a.*' (QUEUE_PREFIX)"),
        (["prune", "--topic", cloud.topic_arn, "--limit", "0"], {}, 2, "--limit"),
        (
            ["prune", "--topic", cloud.topic_arn],
            {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            1,
            "Could not connect to the endpoint",
        ),
    ):
        said = streamer(*arguments, **environment)
        assert (said.returncode, said.stdout) == (code, ""), said
        assert words in said.stderr
        assert "Traceback" not in said.stderr
