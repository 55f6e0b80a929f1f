"""A queue of our own on the relay's topic, from its making to its end.

A shared queue would give each container a part of the changes. What a container could not give back, the reaper finds
by name and tags, so both are there from the queue's first moment.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from streamer import aws
from streamer.change import iso_time
from streamer.errors import LeaseError
from streamer.intake import trouble

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

SERVICE_TAG: Final = "service"
TOPIC_TAG: Final = "topic"
HEARTBEAT_TAG: Final = "heartbeat"
SERVICE: Final = "sentiment-streamer"

RETENTION: Final = 300
"""Seconds that a message waits for us; longer than that, the table knows better."""
VISIBILITY: Final = 5
"""Seconds until what an aborted receive took away comes back."""


class Lease:
    """A queue and its subscription. `acquire` makes one, `release` ends it."""

    def __init__(
        self,
        sqs: SQSClient,
        sns: SNSClient,
        *,
        name: str,
        queue_url: str,
        subscription_arn: str,
        subscribed_at: int,
    ) -> None:
        self.name = name
        """The queue's name: for logs, never for clients."""
        self.queue_url = queue_url
        self.subscribed_at = subscribed_at
        """When the subscription was known to stand, in Unix milliseconds: what is published later comes to us."""
        self._sqs = sqs
        self._sns = sns
        self._subscription_arn = subscription_arn
        self._subscribed = True
        self._exists = True

    @classmethod
    def acquire(
        cls,
        sqs: SQSClient,
        sns: SNSClient,
        topic_arn: str,
        prefix: str,
        *,
        wait_seconds: int,
        now: Callable[[], int],
    ) -> Lease:
        """Makes a queue `{prefix}-{uuid}` that only this topic may send to, and subscribes it with raw delivery.

        The queue lives in the topic's account and in the region of the SQS client. `wait_seconds` is the long poll's
        wait, `now` in Unix milliseconds. Raises LeaseError with nothing left behind, as far as AWS answered: a queue
        whose making was cut off is the reaper's.
        """
        name = f"{prefix}-{uuid.uuid4()}"
        queue_arn = _queue_arn(sqs, topic_arn, name)
        try:
            queue_url = sqs.create_queue(
                QueueName=name,
                # All in the one call: attributes that change later take up to a minute to hold.
                Attributes={
                    "Policy": _policy(queue_arn, topic_arn),
                    "SqsManagedSseEnabled": "true",
                    "MessageRetentionPeriod": str(RETENTION),
                    "VisibilityTimeout": str(VISIBILITY),
                    "ReceiveMessageWaitTimeSeconds": str(wait_seconds),
                },
                tags={SERVICE_TAG: SERVICE, TOPIC_TAG: topic_arn, HEARTBEAT_TAG: iso_time(now())},
            )["QueueUrl"]
        except aws.errors() as error:
            raise LeaseError(aws.in_words("sqs:CreateQueue", error)) from error
        try:
            subscription_arn = sns.subscribe(
                TopicArn=topic_arn,
                Protocol="sqs",
                Endpoint=queue_arn,
                Attributes={"RawMessageDelivery": "true"},
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
        except aws.errors() as error:
            _delete_again(sqs, name, queue_url)
            raise LeaseError(aws.in_words("sns:Subscribe", error)) from error
        return cls(sqs, sns, name=name, queue_url=queue_url, subscription_arn=subscription_arn, subscribed_at=now())

    def release(self) -> None:
        """Unsubscribes, then deletes the queue: a subscription without a queue counts as failed notifications.

        Both are tried. What is gone already counts as released, and a second call does what the first one could not.
        Raises LeaseError if anything is left.
        """
        failures = []
        if self._subscribed:
            try:
                self._sns.unsubscribe(SubscriptionArn=self._subscription_arn)
            except aws.errors() as error:
                if not aws.is_unknown_subscription(error):
                    failures.append(("sns:Unsubscribe", error))
            self._subscribed = bool(failures)
        if self._exists:
            try:
                self._sqs.delete_queue(QueueUrl=self.queue_url)
                self._exists = False
            except aws.errors() as error:
                self._exists = not aws.is_gone(error)
                if self._exists:
                    failures.append(("sqs:DeleteQueue", error))
        if failures:
            words = ", ".join(aws.in_words(action, error) for action, error in failures)
            raise LeaseError(words) from failures[0][1]


def _queue_arn(sqs: SQSClient, topic_arn: str, name: str) -> str:
    # Made up rather than asked for: the policy needs it before the queue exists.
    match topic_arn.split(":"):
        case ["arn", partition, "sns", _, account, _]:
            return f"arn:{partition}:sqs:{sqs.meta.region_name}:{account}:{name}"
        case _:
            raise LeaseError("the topic's ARN is not like arn:aws:sns:REGION:ACCOUNT:NAME")


def _policy(queue_arn: str, topic_arn: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
                }
            ],
        }
    )


def _delete_again(sqs: SQSClient, name: str, queue_url: str) -> None:
    try:
        sqs.delete_queue(QueueUrl=queue_url)
    except aws.errors() as error:
        left = LeaseError(aws.in_words("sqs:DeleteQueue", error))
        left.__cause__ = error
        logger.warning("queue left behind", extra={"queue": name, **trouble.for_log(left)})
