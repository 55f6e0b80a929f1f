"""A queue of our own on the relay's topic, from its making to its end.

A shared queue would give each container a part of the changes. What a container could not give back, the reaper finds
by name and tags, so both are there from the queue's first moment; one of the tags says when its container last lived.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from streamer.aws.errors import call_errors, describe_call, is_missing_queue, is_unknown_subscription, log_fields
from streamer.change import iso_time
from streamer.errors import LeaseError, LeaseLost

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
    """A queue and its subscription. `acquire` makes one, `renew` and `check` keep it, `release` ends it."""

    def __init__(
        self,
        sqs: SQSClient,
        sns: SNSClient,
        *,
        name: str,
        queue_url: str,
        queue_arn: str,
        subscription_arn: str,
        topic_arn: str,
        subscribed_at: int,
    ) -> None:
        self.name = name
        """The queue's name: for logs, never for clients."""
        self.queue_url = queue_url
        self.subscribed_at = subscribed_at
        """When the subscription was known to stand, in Unix milliseconds: what is published later comes to us."""
        self._sqs = sqs
        self._sns = sns
        self._queue_arn = queue_arn
        self._subscription_arn = subscription_arn
        self._topic_arn = topic_arn
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
        queue_arn = queue_arn_of(sqs, topic_arn, name)
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
        except call_errors() as error:
            raise LeaseError(describe_call("sqs:CreateQueue", error)) from error
        try:
            subscription_arn = sns.subscribe(
                TopicArn=topic_arn,
                Protocol="sqs",
                Endpoint=queue_arn,
                Attributes={"RawMessageDelivery": "true"},
                ReturnSubscriptionArn=True,
            )["SubscriptionArn"]
        except call_errors() as error:
            _delete_again(sqs, name, queue_url)
            raise LeaseError(describe_call("sns:Subscribe", error)) from error
        return cls(
            sqs,
            sns,
            name=name,
            queue_url=queue_url,
            queue_arn=queue_arn,
            subscription_arn=subscription_arn,
            topic_arn=topic_arn,
            subscribed_at=now(),
        )

    def renew(self, now_ms: int) -> None:
        """Tells the reaper that we live. Raises LeaseLost if the queue is gone, LeaseError if it could not be told."""
        try:
            self._sqs.tag_queue(QueueUrl=self.queue_url, Tags={HEARTBEAT_TAG: iso_time(now_ms)})
        except call_errors() as error:
            words = describe_call("sqs:TagQueue", error)
            raise (LeaseLost if is_missing_queue(error) else LeaseError)(words) from error

    def check(self) -> None:
        """Asks AWS whether what is published still comes to us: what is broken there shows as mere silence here.

        Raises LeaseLost if it does not: the subscription is gone or changed, the queue is gone or lets nobody send.
        Raises LeaseError if that could not be found out.
        """
        unknown = None
        for look in (self._check_subscription, self._check_queue):
            try:
                look()
            except LeaseLost:
                raise
            except LeaseError as error:
                unknown = unknown or error
        if unknown is not None:
            raise unknown

    def _check_subscription(self) -> None:
        try:
            found = self._sns.get_subscription_attributes(SubscriptionArn=self._subscription_arn)["Attributes"]
        except call_errors() as error:
            words = describe_call("sns:GetSubscriptionAttributes", error)
            raise (LeaseLost if is_unknown_subscription(error) else LeaseError)(words) from error
        if found.get("Endpoint") != self._queue_arn:
            raise LeaseLost("the subscription leads elsewhere")
        if found.get("RawMessageDelivery", "").lower() != "true":
            raise LeaseLost("the subscription's raw delivery was turned off")
        if found.get("FilterPolicy", "{}") not in ("", "{}"):
            raise LeaseLost("the subscription was given a filter")

    def _check_queue(self) -> None:
        try:
            answer = self._sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["Policy"])
        except call_errors() as error:
            words = describe_call("sqs:GetQueueAttributes", error)
            raise (LeaseLost if is_missing_queue(error) else LeaseError)(words) from error
        found = answer.get("Attributes", {}).get("Policy")
        if self._topic_arn not in (found or ""):  # not the whole text: AWS may write it another way
            raise LeaseLost("the queue's policy was changed")

    def release(self) -> None:
        """Unsubscribes, then deletes the queue: a subscription without a queue counts as failed notifications.

        Both are tried. What is gone already counts as released, and a second call does what the first one could not.
        Raises LeaseError if anything is left.
        """
        failures = []
        if self._subscribed:
            try:
                self._sns.unsubscribe(SubscriptionArn=self._subscription_arn)
            except call_errors() as error:
                if not is_unknown_subscription(error):
                    failures.append(("sns:Unsubscribe", error))
            self._subscribed = bool(failures)
        if self._exists:
            try:
                self._sqs.delete_queue(QueueUrl=self.queue_url)
                self._exists = False
            except call_errors() as error:
                self._exists = not is_missing_queue(error)
                if self._exists:
                    failures.append(("sqs:DeleteQueue", error))
        if failures:
            words = ", ".join(describe_call(action, error) for action, error in failures)
            raise LeaseError(words) from failures[0][1]


def queue_arn_of(sqs: SQSClient, topic_arn: str, name: str) -> str:
    """The ARN of a queue in the topic's account and the client's region. Raises LeaseError if the topic's is none.

    Made up rather than asked for: the policy needs it before the queue exists, the reaper after it is gone.
    """
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
    except call_errors() as error:
        left = LeaseError(describe_call("sqs:DeleteQueue", error))
        left.__cause__ = error
        logger.warning("queue left behind", extra={"queue": name, **log_fields(left)})
