"""A lease says that it lives, and finds out whether it still works; what cannot be found out is no loss."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from streamer.errors import LeaseError, LeaseLost
from streamer.intake.lease import Lease
from tests.unit.intake.fakes import NOW_MS, PREFIX, TOPIC_ARN, FakeAws, Queue, refusal, silence

GONE = "AWS.SimpleQueueService.NonExistentQueue"


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


@pytest.fixture
def lease(aws: FakeAws) -> Lease:
    sqs, sns = aws.clients()
    return Lease.acquire(sqs, sns, TOPIC_ARN, PREFIX, wait_seconds=10, now=aws.clock)


def queue_of(aws: FakeAws) -> Queue:
    (queue,) = aws.queues.values()
    return queue


def change_subscription(aws: FakeAws, **changes: Any) -> None:
    ((arn, found),) = aws.subscriptions.items()
    aws.subscriptions[arn] = replace(found, **changes)


def test_a_heartbeat_renews_its_tag_and_no_other(aws: FakeAws, lease: Lease) -> None:
    before = dict(queue_of(aws).tags)
    lease.renew(NOW_MS + 240_000)
    assert queue_of(aws).tags == before | {"heartbeat": "2026-11-22T15:00:40.000Z"}


@pytest.mark.parametrize("error", [refusal("RequestThrottled"), silence()])
def test_a_heartbeat_that_fails_is_no_loss(aws: FakeAws, lease: Lease, error: Exception) -> None:
    aws.script["tag_queue"] = [error]
    with pytest.raises(LeaseError, match=r"^sqs:TagQueue: \w+$") as raised:
        lease.renew(NOW_MS)
    assert not isinstance(raised.value, LeaseLost)


def test_a_heartbeat_finds_the_queue_gone(aws: FakeAws, lease: Lease) -> None:
    aws.drop_queues()
    with pytest.raises(LeaseLost, match=f"^sqs:TagQueue: {GONE}$"):
        lease.renew(NOW_MS)


def test_a_lease_that_works_passes(aws: FakeAws, lease: Lease) -> None:
    lease.check()
    assert aws.calls[2:] == ["get_subscription_attributes", "get_queue_attributes"]


def test_a_policy_written_another_way_is_the_same_policy(aws: FakeAws, lease: Lease) -> None:
    policy = json.loads(queue_of(aws).attributes["Policy"])
    queue_of(aws).attributes["Policy"] = json.dumps(dict(reversed(policy.items())), indent=3)
    lease.check()


def test_a_subscription_that_is_gone_is_a_loss(aws: FakeAws, lease: Lease) -> None:
    aws.drop_subscriptions()
    with pytest.raises(LeaseLost, match=r"^sns:GetSubscriptionAttributes: NotFound$"):
        lease.check()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoint": "arn:aws:sqs:us-east-1:123456789012:elsewhere"}, "the subscription has another endpoint"),
        ({"raw": False}, "the subscription's raw delivery was turned off"),
        ({"filter": '{"a":["b"]}'}, "the subscription has a filter policy"),
    ],
)
def test_a_subscription_that_was_changed_is_a_loss(
    aws: FakeAws, lease: Lease, changes: dict[str, Any], words: str
) -> None:
    change_subscription(aws, **changes)
    with pytest.raises(LeaseLost, match=f"^{words}$"):
        lease.check()


def test_an_empty_filter_filters_nothing(aws: FakeAws, lease: Lease) -> None:
    change_subscription(aws, filter="{}")
    lease.check()


def test_a_queue_that_is_gone_is_a_loss(aws: FakeAws, lease: Lease) -> None:
    aws.drop_queues()
    with pytest.raises(LeaseLost, match=f"^sqs:GetQueueAttributes: {GONE}$"):
        lease.check()


@pytest.mark.parametrize("policy", [None, "", "{", "[" * 9999, '{"Version":"2012-10-17","Statement":[]}'])
def test_a_queue_whose_policy_was_changed_is_a_loss(aws: FakeAws, lease: Lease, policy: str | None) -> None:
    attributes = queue_of(aws).attributes
    attributes.pop("Policy")
    if policy is not None:
        attributes["Policy"] = policy
    with pytest.raises(LeaseLost, match=r"^the queue's policy was changed$"):
        lease.check()


@pytest.mark.parametrize("operation", ["get_subscription_attributes", "get_queue_attributes"])
@pytest.mark.parametrize("error", [refusal("AccessDenied"), refusal("AuthorizationError"), silence()])
def test_what_cannot_be_looked_at_is_no_loss(aws: FakeAws, lease: Lease, operation: str, error: Exception) -> None:
    aws.script[operation] = [error]
    with pytest.raises(LeaseError) as raised:
        lease.check()
    assert not isinstance(raised.value, LeaseLost)
    assert aws.calls[2:] == ["get_subscription_attributes", "get_queue_attributes"]


def test_what_cannot_be_looked_at_does_not_hide_a_loss(aws: FakeAws, lease: Lease) -> None:
    aws.script["get_subscription_attributes"] = [refusal("AuthorizationError")]
    queue_of(aws).attributes.pop("Policy")
    with pytest.raises(LeaseLost):
        lease.check()
