"""A lease is made whole in one call, leaves nothing behind when that fails, and is given back whatever happens."""

from __future__ import annotations

import json
import re

import pytest

from streamer.errors import LeaseError
from streamer.intake.lease import Lease
from tests.unit.intake.fakes import NOW_MS, PREFIX, TOPIC_ARN, FakeAws, refusal, silence


def acquire(aws: FakeAws, topic_arn: str = TOPIC_ARN, tags: dict[str, str] | None = None) -> Lease:
    sqs, sns = aws.clients()
    return Lease.acquire(sqs, sns, topic_arn, PREFIX, wait_seconds=10, now=aws.clock, tags=tags)


def test_a_lease_is_one_queue_and_one_raw_subscription() -> None:
    aws = FakeAws()
    lease = acquire(aws)
    assert aws.calls == ["create_queue", "subscribe"]
    (queue,) = aws.queues.values()
    (subscription,) = aws.subscriptions.values()
    assert re.fullmatch(rf"{PREFIX}-[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", queue.name)
    assert (lease.name, lease.queue_url, lease.subscribed_at) == (queue.name, queue.url, NOW_MS)
    assert (subscription.topic_arn, subscription.endpoint, subscription.raw) == (TOPIC_ARN, queue.arn, True)


def test_the_queue_is_whole_when_it_is_made() -> None:
    aws = FakeAws()
    acquire(aws)
    (queue,) = aws.queues.values()
    policy = json.loads(queue.attributes.pop("Policy"))
    assert queue.attributes == {
        "SqsManagedSseEnabled": "true",
        "MessageRetentionPeriod": "300",
        "VisibilityTimeout": "5",
        "ReceiveMessageWaitTimeSeconds": "10",
    }
    assert queue.tags == {
        "service": "sentiment-streamer",
        "topic": TOPIC_ARN,
        "heartbeat": "2026-11-22T14:56:40.000Z",
    }
    assert policy["Statement"] == [
        {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue.arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": TOPIC_ARN}},
        }
    ]


def test_the_queue_has_the_deployments_tags_and_its_own() -> None:
    aws = FakeAws()
    acquire(aws, tags={"team": "news", "service": "taken"})
    (queue,) = aws.queues.values()
    assert queue.tags == {
        "team": "news",
        "service": "sentiment-streamer",
        "topic": TOPIC_ARN,
        "heartbeat": "2026-11-22T14:56:40.000Z",
    }


def test_the_queue_is_in_the_topics_partition_and_account_and_in_the_clients_region() -> None:
    topic_arn = "arn:aws-cn:sns:cn-north-1:999999999999:other"
    aws = FakeAws(topic_arn)
    lease = acquire(aws, topic_arn)
    (subscription,) = aws.subscriptions.values()
    assert subscription.endpoint == f"arn:aws-cn:sqs:us-east-1:999999999999:{lease.name}"


def test_no_two_leases_share_a_queue() -> None:
    aws = FakeAws()
    assert acquire(aws).name != acquire(aws).name


@pytest.mark.parametrize("topic_arn", ["", "sentiment-changes", f"{TOPIC_ARN}:sub", TOPIC_ARN.replace("sns", "sqs")])
def test_a_topic_that_is_none_is_named_before_anything_is_made(topic_arn: str) -> None:
    aws = FakeAws()
    with pytest.raises(LeaseError, match="topic's ARN"):
        acquire(aws, topic_arn)
    assert aws.calls == []


@pytest.mark.parametrize(("error", "words"), [(refusal("AccessDenied"), "AccessDenied"), (silence(), "ConnectTimeout")])
def test_a_queue_that_cannot_be_made_is_a_lease_error(error: Exception, words: str) -> None:
    aws = FakeAws()
    aws.script["create_queue"] = [error]
    with pytest.raises(LeaseError, match=f"sqs:CreateQueue: {words}"):
        acquire(aws)
    assert aws.calls == ["create_queue"]


def test_a_queue_that_cannot_be_subscribed_is_deleted_again() -> None:
    aws = FakeAws()
    aws.script["subscribe"] = [refusal("AuthorizationError")]
    with pytest.raises(LeaseError, match="sns:Subscribe: AuthorizationError"):
        acquire(aws)
    assert aws.queues == {}


def test_a_queue_that_cannot_be_deleted_again_is_logged_and_the_first_error_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    aws = FakeAws()
    aws.script["subscribe"] = [refusal("AuthorizationError")]
    aws.script["delete_queue"] = [silence()]
    with pytest.raises(LeaseError, match="sns:Subscribe"):
        acquire(aws)
    (line,) = caplog.records
    (queue,) = aws.queues.values()
    assert (line.message, line.__dict__["queue"]) == ("queue not deleted; the reaper deletes it", queue.name)
    assert line.__dict__["error"] == "sqs:DeleteQueue: ConnectTimeoutError"


def test_a_release_unsubscribes_first_and_leaves_nothing() -> None:
    aws = FakeAws()
    lease = acquire(aws)
    lease.release()
    assert aws.calls[2:] == ["unsubscribe", "delete_queue"]
    assert (aws.queues, aws.subscriptions) == ({}, {})


def test_a_second_release_does_nothing() -> None:
    aws = FakeAws()
    lease = acquire(aws)
    lease.release()
    lease.release()
    assert aws.calls[2:] == ["unsubscribe", "delete_queue"]


@pytest.mark.parametrize("code", ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"])
def test_what_is_gone_already_is_released(code: str) -> None:
    aws = FakeAws()
    lease = acquire(aws)
    aws.script["unsubscribe"] = [refusal("NotFound")]
    aws.script["delete_queue"] = [refusal(code)]
    lease.release()
    lease.release()
    assert aws.calls[2:] == ["unsubscribe", "delete_queue"]


def test_the_queue_is_deleted_even_if_it_cannot_be_unsubscribed() -> None:
    aws = FakeAws()
    lease = acquire(aws)
    aws.script["unsubscribe"] = [refusal("Throttled")]
    with pytest.raises(LeaseError, match=r"^sns:Unsubscribe: Throttled$"):
        lease.release()
    assert aws.queues == {}
    lease.release()
    assert aws.calls[2:] == ["unsubscribe", "delete_queue", "unsubscribe"]
    assert aws.subscriptions == {}


def test_a_release_that_fails_twice_names_both_and_can_be_repeated() -> None:
    aws = FakeAws()
    lease = acquire(aws)
    aws.script["unsubscribe"] = [silence()]
    aws.script["delete_queue"] = [refusal("AccessDenied")]
    with pytest.raises(LeaseError, match="sns:Unsubscribe: ConnectTimeoutError, sqs:DeleteQueue: AccessDenied"):
        lease.release()
    lease.release()
    assert (aws.queues, aws.subscriptions) == ({}, {})


def test_words_name_no_arn_and_no_queue() -> None:
    aws = FakeAws()
    told = f"User: arn:aws:sts::123456789012:assumed-role/x is not authorized on {TOPIC_ARN}"
    aws.script["create_queue"] = [refusal("AccessDenied", told), refusal(f"Odd {TOPIC_ARN}", told)]
    for words in ("sqs:CreateQueue: AccessDenied", "sqs:CreateQueue: ClientError"):
        with pytest.raises(LeaseError) as error:
            acquire(aws)
        assert str(error.value) == words
