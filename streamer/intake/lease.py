"""Creates, renews, checks and deletes this container's SQS queue and its SNS subscription.

With a shared queue, each container would receive only some of the changes. If a container cannot delete its queue, the
reaper finds the queue by its name prefix and tags. Therefore CreateQueue sets both; the tag `heartbeat` has the time of
the last renewal.
"""

from __future__ import annotations

import json
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from streamer.aws.errors import call_errors, describe_call, is_missing_queue, is_unknown_subscription, log_fields
from streamer.change import iso_time
from streamer.errors import LeaseError, LeaseLost
from streamer.queue_tags import HEARTBEAT_TAG, SERVICE_TAG, TOPIC_TAG

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

logger = logging.getLogger(__name__)

SERVICE: Final = "sentiment-streamer"

RETENTION: Final = 300
"""SQS message retention period, in seconds. SQS deletes older messages; the service finds their changes by queries."""
VISIBILITY: Final = 5
"""SQS visibility timeout, in seconds: after an aborted receive, its messages become visible again after this time."""


class Lease:
    """A queue and its subscription. Every method blocks, and is called in a worker's thread."""

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
        """The queue's name. Logs may contain it; responses to clients never do."""
        self.queue_url = queue_url
        self.subscribed_at = subscribed_at
        """Time (Unix milliseconds) at which the subscription was confirmed. SNS delivers only messages
        that are published later."""
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
        tags: Mapping[str, str] | None = None,
    ) -> Lease:
        """Creates a queue `{prefix}-{uuid}` to which only this topic may send, and subscribes it with raw delivery.

        The queue is in the topic's account and in the region of the SQS client. `wait_seconds` is the wait time of long
        polls; `now` returns Unix milliseconds; `tags` are further tags of the queue. On an error it deletes the queue
        and raises LeaseError. If CreateQueue fails without a response, a queue may exist; the reaper deletes it.
        """
        name = f"{prefix}-{uuid.uuid4()}"
        queue_arn = queue_arn_of(sqs, topic_arn, name)
        try:
            queue_url = sqs.create_queue(
                QueueName=name,
                # All attributes in this call: SetQueueAttributes can take up to 60 s to take effect.
                Attributes={
                    "Policy": _policy(queue_arn, topic_arn),
                    "SqsManagedSseEnabled": "true",
                    "MessageRetentionPeriod": str(RETENTION),
                    "VisibilityTimeout": str(VISIBILITY),
                    "ReceiveMessageWaitTimeSeconds": str(wait_seconds),
                },
                tags=dict(tags or {}) | {SERVICE_TAG: SERVICE, TOPIC_TAG: topic_arn, HEARTBEAT_TAG: iso_time(now())},
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
            _delete_unsubscribed(sqs, name, queue_url)
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
        """Updates the heartbeat tag, which the reaper reads. Raises LeaseLost if the queue does not exist, LeaseError
        if the call fails."""
        try:
            self._sqs.tag_queue(QueueUrl=self.queue_url, Tags={HEARTBEAT_TAG: iso_time(now_ms)})
        except call_errors() as error:
            words = describe_call("sqs:TagQueue", error)
            raise (LeaseLost if is_missing_queue(error) else LeaseError)(words) from error

    def check(self) -> None:
        """Checks the subscription and the queue's policy. If either is broken, the container receives no messages, and
        no error.

        Raises LeaseLost if the subscription was deleted or changed, the queue was deleted, or its policy no longer
        allows the topic to send. Raises LeaseError if a call fails.
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
            raise LeaseLost("the subscription has another endpoint")
        if found.get("RawMessageDelivery", "").lower() != "true":
            raise LeaseLost("the subscription's raw delivery was turned off")
        if found.get("FilterPolicy", "{}") not in ("", "{}"):
            raise LeaseLost("the subscription has a filter policy")

    def _check_queue(self) -> None:
        try:
            answer = self._sqs.get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=["Policy"])
        except call_errors() as error:
            words = describe_call("sqs:GetQueueAttributes", error)
            raise (LeaseLost if is_missing_queue(error) else LeaseError)(words) from error
        found = answer.get("Attributes", {}).get("Policy")
        if self._topic_arn not in (found or ""):  # AWS may reformat the policy
            raise LeaseLost("the queue's policy was changed")

    def release(self) -> None:
        """Unsubscribes, then deletes the queue. In the other order, SNS would count failed deliveries to the queue.

        Attempts both calls. A subscription or queue that does not exist counts as released. A second call repeats only
        the call that failed. Raises LeaseError if one fails.
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
    """Returns the ARN of a queue in the topic's account and the client's region. Raises LeaseError if `topic_arn` is
    not the ARN of an SNS topic.

    The ARN is computed, because it is needed before the queue exists (policy) and after it was deleted (reaper).
    """
    match topic_arn.split(":"):
        case ["arn", partition, "sns", _, account, _]:
            return f"arn:{partition}:sqs:{sqs.meta.region_name}:{account}:{name}"
        case _:
            raise LeaseError("the topic's ARN is not of the form arn:aws:sns:REGION:ACCOUNT:NAME")


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


def _delete_unsubscribed(sqs: SQSClient, name: str, queue_url: str) -> None:
    try:
        sqs.delete_queue(QueueUrl=queue_url)
    except call_errors() as error:
        left = LeaseError(describe_call("sqs:DeleteQueue", error))
        left.__cause__ = error
        logger.warning("queue not deleted; the reaper deletes it", extra={"queue": name, **log_fields(left)})
