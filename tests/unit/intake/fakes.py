"""SQS and SNS in memory, with a clock that a test moves, and a script of what they refuse.

As the real ones, as far as intake can see: a received message is invisible for the queue's visibility timeout, a
receipt deletes until the message is handed out anew, raw delivery puts the body alone into the queue, a queue's name
stays blocked for 60 s, a long poll on a deleted queue ends empty after its whole wait, and listings come in pages.
"""
# ruff: noqa: N803 - boto3's parameters are named like this

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from botocore.exceptions import ClientError, ConnectTimeoutError

from streamer.aws.clients import QueueClients
from tests.watchdog import WATCHDOG

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:sentiment-changes"
PREFIX = "sentiment-stream"
NOW_MS = 1_795_359_400_000
"""2026-11-22T14:56:40Z: where a fake's clock begins."""


def refusal(code: str, message: str = "refused") -> ClientError:
    """An answer of AWS that says no."""
    return ClientError({"Error": {"Code": code, "Message": message}}, "Operation")


def silence() -> ConnectTimeoutError:
    """No answer at all."""
    return ConnectTimeoutError(endpoint_url="https://sqs.us-east-1.amazonaws.com/")


@dataclass
class _Stored:
    id: str
    body: str
    sent_at: int
    visible_at: int = 0
    receipts: list[str] = field(default_factory=list)


@dataclass
class Queue:
    """One queue, as CreateQueue made it."""

    name: str
    url: str
    arn: str
    attributes: dict[str, str]
    tags: dict[str, str]
    messages: list[_Stored] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Subscription:
    """One subscription, as Subscribe made it."""

    arn: str
    topic_arn: str
    endpoint: str
    raw: bool
    protocol: str = "sqs"
    filter: str | None = None


class FakeAws:
    """One account in one region, with one topic."""

    def __init__(self, topic_arn: str = TOPIC_ARN) -> None:
        self.topic_arn = topic_arn
        self.now_ms = NOW_MS
        self.queues: dict[str, Queue] = {}
        """By URL."""
        self.subscriptions: dict[str, Subscription] = {}
        """By ARN."""
        self.calls: list[str] = []
        """The operations called, in order, refused ones included."""
        self.script: defaultdict[str, list[Exception]] = defaultdict(list)
        """What the next calls of an operation come to; when it is used up, they succeed."""
        self.unheard = 0
        """Messages published to a subscription whose queue is gone."""
        self.closed = 0
        """Clients closed."""
        self.change = threading.Condition()
        self.page = 1000
        """What a page of a listing holds at most."""
        self.before: dict[str, Callable[[], None]] = {}
        """What happens in the world right before the next call of an operation."""
        self.queues_unlisted = False
        """Whether queues are missing in listings, as new ones may be."""
        self._waiting = 0
        self._polls_end = False
        self._blocked_until: dict[str, int] = {}
        self._count = 0

    def clock(self) -> int:
        """Unix milliseconds."""
        return self.now_ms

    def clients(self) -> QueueClients:
        """What `connect_queue` returns."""
        return QueueClients(cast("SQSClient", FakeSqs(self)), cast("SNSClient", FakeSns(self)))

    def advance(self, seconds: float) -> None:
        """Moves the clock and wakes the polls."""
        with self.change:
            self.now_ms += int(seconds * 1000)
            self.change.notify_all()

    def publish(self, body: str) -> None:
        """What the relay does."""
        with self.change:
            for subscription in self.subscriptions.values():
                text = body if subscription.raw else json.dumps({"Type": "Notification", "Message": body})
                queue = next((one for one in self.queues.values() if one.arn == subscription.endpoint), None)
                if queue is None:
                    self.unheard += 1
                else:
                    queue.messages.append(_Stored(self.name("message"), text, self.now_ms))
            self.change.notify_all()

    def make_queue(self, name: str, tags: Mapping[str, str], *, subscribed: bool = True) -> Queue:
        """A queue as some container, or somebody else, left it."""
        with self.change:
            url = f"https://sqs.us-east-1.amazonaws.com/123456789012/{name}"
            queue = Queue(name, url, f"arn:aws:sqs:us-east-1:123456789012:{name}", {}, dict(tags))
            self.queues[url] = queue
            if subscribed:
                self.subscribe(queue.arn)
            return queue

    def subscribe(self, endpoint: str, protocol: str = "sqs") -> str:
        """A subscription to our topic; returns its ARN."""
        arn = f"{self.topic_arn}:{self.name('subscription')}"
        self.subscriptions[arn] = Subscription(arn, self.topic_arn, endpoint, True, protocol)
        return arn

    def drop_subscriptions(self) -> None:
        """Somebody else unsubscribes everything."""
        with self.change:
            self.subscriptions.clear()

    def drop_queues(self) -> None:
        """Somebody else deletes every queue."""
        with self.change:
            self.queues.clear()

    def await_poll(self) -> None:
        """Returns when a long poll is waiting for messages."""
        self._await(lambda: self._waiting > 0)

    def await_empty(self) -> None:
        """Returns when no queue holds a message."""
        self._await(lambda: not any(queue.messages for queue in self.queues.values()))

    def end_polls(self) -> None:
        """From now on a long poll that finds nothing ends at once."""
        with self.change:
            self._polls_end = True
            self.change.notify_all()

    def wait_until(self, deadline_ms: int) -> bool:
        """Inside a poll: waits for a change, or says that the poll is over."""
        if self._polls_end or self.now_ms >= deadline_ms:
            return False
        self._waiting += 1
        self.change.notify_all()
        try:
            assert self.change.wait(WATCHDOG), "a long poll that nothing ended"
        finally:
            self._waiting -= 1
        return True

    def called(self, operation: str) -> None:
        """Notes a call and refuses it if the script says so."""
        self.before.pop(operation, _nothing)()
        self.calls.append(operation)
        if self.script[operation]:
            raise self.script[operation].pop(0)

    def paged(self, everything: Sequence[Any], token: str) -> tuple[list[Any], dict[str, str]]:
        """A page of a listing, and the token of the next one."""
        end = int(token) + self.page
        return list(everything[int(token) : end]), {"NextToken": str(end)} if end < len(everything) else {}

    def name(self, what: str) -> str:
        """A name that was not used before."""
        self._count += 1
        return f"{what}-{self._count}"

    def block(self, queue_name: str) -> None:
        """Keeps a deleted queue's name from being used again for a minute."""
        self._blocked_until[queue_name] = self.now_ms + 60_000

    def is_blocked(self, queue_name: str) -> bool:
        """Whether a queue of this name was deleted within the last minute."""
        return self._blocked_until.get(queue_name, 0) > self.now_ms

    def _await(self, condition: Callable[[], bool]) -> None:
        with self.change:
            assert self.change.wait_for(condition, WATCHDOG), "what the test waits for did not happen"


class FakeSqs:
    """The part of boto3's SQS client that intake uses."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws
        self.meta = SimpleNamespace(region_name="us-east-1")

    def create_queue(self, *, QueueName: str, Attributes: Mapping[str, str], tags: Mapping[str, str]) -> Any:
        with self._aws.change:
            self._aws.called("create_queue")
            if self._aws.is_blocked(QueueName):
                raise refusal("AWS.SimpleQueueService.QueueDeletedRecently")
            url = f"https://sqs.us-east-1.amazonaws.com/123456789012/{QueueName}"
            arn = f"arn:aws:sqs:us-east-1:123456789012:{QueueName}"
            self._aws.queues[url] = Queue(QueueName, url, arn, dict(Attributes), dict(tags))
            return {"QueueUrl": url}

    def delete_queue(self, *, QueueUrl: str) -> None:
        with self._aws.change:
            self._aws.called("delete_queue")
            queue = self._find(QueueUrl)
            del self._aws.queues[QueueUrl]
            self._aws.block(queue.name)

    def receive_message(
        self,
        *,
        QueueUrl: str,
        MaxNumberOfMessages: int = 1,
        WaitTimeSeconds: int | None = None,
        MessageSystemAttributeNames: Sequence[str] = (),
    ) -> Any:
        assert 1 <= MaxNumberOfMessages <= 10, "InvalidParameterValue"
        with self._aws.change:
            self._aws.called("receive_message")
            queue = self._find(QueueUrl)
            by_default = int(queue.attributes.get("ReceiveMessageWaitTimeSeconds", 0))
            deadline = self._aws.now_ms + 1000 * (by_default if WaitTimeSeconds is None else WaitTimeSeconds)
            while True:
                visible = [one for one in queue.messages if one.visible_at <= self._aws.now_ms]
                if visible or not self._aws.wait_until(deadline):
                    break
            handed_out = visible[:MaxNumberOfMessages]
            if not handed_out:
                return {}
            return {"Messages": [self._hand_out(queue, one, MessageSystemAttributeNames) for one in handed_out]}

    def delete_message_batch(self, *, QueueUrl: str, Entries: Sequence[Mapping[str, str]]) -> Any:
        assert 1 <= len(Entries) <= 10, "EmptyBatchRequest or TooManyEntriesInBatchRequest"
        assert len({entry["Id"] for entry in Entries}) == len(Entries), "BatchEntryIdsNotDistinct"
        with self._aws.change:
            self._aws.called("delete_message_batch")
            queue = self._find(QueueUrl)
            known = {one.receipts[-1]: one for one in queue.messages if one.receipts}
            failed = []
            for entry in Entries:
                receipt = entry["ReceiptHandle"]
                if receipt in known:
                    queue.messages.remove(known[receipt])
                    queue.deleted.add(receipt)
                elif receipt not in queue.deleted:
                    failed.append({"Id": entry["Id"], "Code": "ReceiptHandleIsInvalid", "SenderFault": True})
            self._aws.change.notify_all()
            refused = {entry["Id"] for entry in failed}
            taken = [{"Id": entry["Id"]} for entry in Entries if entry["Id"] not in refused]
            return {"Successful": taken} | ({"Failed": failed} if failed else {})

    def tag_queue(self, *, QueueUrl: str, Tags: Mapping[str, str]) -> None:
        with self._aws.change:
            self._aws.called("tag_queue")
            self._find(QueueUrl).tags.update(Tags)

    def list_queue_tags(self, *, QueueUrl: str) -> Any:
        with self._aws.change:
            self._aws.called("list_queue_tags")
            tags = self._find(QueueUrl).tags
            return {"Tags": dict(tags)} if tags else {}

    def get_queue_attributes(self, *, QueueUrl: str, AttributeNames: Sequence[str]) -> Any:
        with self._aws.change:
            self._aws.called("get_queue_attributes")
            attributes = self._find(QueueUrl).attributes
            found = {name: value for name, value in attributes.items() if name in AttributeNames}
            return {"Attributes": found} if found else {}

    def get_queue_url(self, *, QueueName: str) -> Any:
        with self._aws.change:
            self._aws.called("get_queue_url")
            for queue in self._aws.queues.values():
                if queue.name == QueueName:
                    return {"QueueUrl": queue.url}
            raise refusal("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")

    def list_queues(self, *, QueueNamePrefix: str, MaxResults: int, NextToken: str = "0") -> Any:
        assert 1 <= MaxResults <= 1000, "InvalidParameterValue"
        with self._aws.change:
            self._aws.called("list_queues")
            there = () if self._aws.queues_unlisted else tuple(self._aws.queues.values())
            urls = [one.url for one in there if one.name.startswith(QueueNamePrefix)]
            page, more = self._aws.paged(urls, NextToken)
            return ({"QueueUrls": page} if page else {}) | more

    def close(self) -> None:
        self._aws.closed += 1

    def _find(self, url: str) -> Queue:
        if url not in self._aws.queues:
            raise refusal("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
        return self._aws.queues[url]

    def _hand_out(self, queue: Queue, message: _Stored, wanted: Sequence[str]) -> dict[str, Any]:
        message.visible_at = self._aws.now_ms + 1000 * int(queue.attributes.get("VisibilityTimeout", 30))
        message.receipts.append(self._aws.name("receipt"))
        attributes = {"SentTimestamp": str(message.sent_at), "ApproximateReceiveCount": str(len(message.receipts))}
        return {
            "MessageId": message.id,
            "ReceiptHandle": message.receipts[-1],
            "Body": message.body,
            "Attributes": {name: value for name, value in attributes.items() if name in wanted},
        }


class FakeSns:
    """The part of boto3's SNS client that intake uses."""

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws

    def subscribe(
        self,
        *,
        TopicArn: str,
        Protocol: str,
        Endpoint: str,
        Attributes: Mapping[str, str],
        ReturnSubscriptionArn: bool = False,
    ) -> Any:
        with self._aws.change:
            self._aws.called("subscribe")
            if TopicArn != self._aws.topic_arn:
                raise refusal("NotFound", f"Topic {TopicArn} does not exist")
            assert Protocol == "sqs"
            assert ReturnSubscriptionArn, "without it a subscription may come back as 'pending confirmation'"
            arn = f"{TopicArn}:{self._aws.name('subscription')}"
            raw = Attributes.get("RawMessageDelivery") == "true"
            self._aws.subscriptions[arn] = Subscription(arn, TopicArn, Endpoint, raw)
            return {"SubscriptionArn": arn}

    def get_subscription_attributes(self, *, SubscriptionArn: str) -> Any:
        with self._aws.change:
            self._aws.called("get_subscription_attributes")
            if SubscriptionArn not in self._aws.subscriptions:
                raise refusal("NotFound", "Subscription does not exist")
            found = self._aws.subscriptions[SubscriptionArn]
            attributes = {"Endpoint": found.endpoint, "RawMessageDelivery": str(found.raw).lower()}
            return {"Attributes": attributes | ({} if found.filter is None else {"FilterPolicy": found.filter})}

    def list_subscriptions_by_topic(self, *, TopicArn: str, NextToken: str = "0") -> Any:
        with self._aws.change:
            self._aws.called("list_subscriptions_by_topic")
            if TopicArn != self._aws.topic_arn:
                raise refusal("NotFound", "Topic does not exist")
            found = [
                {"SubscriptionArn": each.arn, "Protocol": each.protocol, "Endpoint": each.endpoint}
                for each in self._aws.subscriptions.values()
            ]
            page, more = self._aws.paged(found, NextToken)
            return {"Subscriptions": page} | more

    def unsubscribe(self, *, SubscriptionArn: str) -> None:
        with self._aws.change:
            self._aws.called("unsubscribe")
            self._aws.subscriptions.pop(SubscriptionArn, None)

    def close(self) -> None:
        self._aws.closed += 1


def _nothing() -> None:
    """What happens before most calls."""
