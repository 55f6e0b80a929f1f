"""An SNS topic and an SQS queue in memory, with the limits of the services, and a script of what they refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

TOPIC_ARN = "arn:aws:sns:us-east-1:123456789012:sentiment-changes"
QUEUE_URL = "https://sqs.us-east-1.amazonaws.com/123456789012/sentiment-relay-failures"

UNREACHABLE = EndpointConnectionError(endpoint_url="https://sns.us-east-1.amazonaws.com/")
TIMED_OUT = ReadTimeoutError(endpoint_url="https://sns.us-east-1.amazonaws.com/")
THROTTLED = ClientError({"Error": {"Code": "Throttled", "Message": "Rate exceeded"}}, "PublishBatch")


@dataclass(frozen=True)
class Refused:
    """An answer that takes all entries of a request but those at these places."""

    places: frozenset[int]
    named: bool = True
    """Whether `Failed` names them; moto leaves it empty."""


Answer = Exception | Refused | None
"""What one request comes to: an exception, a part refused, or everything taken."""


@dataclass
class _Receiver:
    taken: list[str] = field(default_factory=list)
    """Every body taken, in order."""
    requests: list[list[str]] = field(default_factory=list)
    """The bodies of every request made, in order."""
    script: list[Answer] = field(default_factory=list)
    """What the next requests come to; when it is used up, everything is taken."""

    def take(self, entries: Sequence[Mapping[str, str]], body: str) -> dict[str, Any]:
        bodies = [entry[body] for entry in entries]
        ids = [entry["Id"] for entry in entries]
        assert 1 <= len(entries) <= 10, "TooManyEntriesInBatchRequest"
        assert len(set(ids)) == len(ids), "BatchEntryIdsNotDistinct"
        assert all(bodies), "an empty message"
        assert sum(len(text.encode()) for text in bodies) <= 262_144, "BatchRequestTooLong"
        assert all(text.isascii() for text in bodies), "characters that SQS may refuse"
        self.requests.append(bodies)
        answer = self.script.pop(0) if self.script else None
        if isinstance(answer, Exception):
            raise answer
        refused = answer.places if answer else frozenset()
        self.taken += [text for place, text in enumerate(bodies) if place not in refused]
        failed = [
            {"Id": ids[place], "Code": "InternalError", "Message": "try again", "SenderFault": False}
            for place in sorted(refused)
            if place < len(ids) and answer and answer.named
        ]
        return {
            "Successful": [{"Id": number} for place, number in enumerate(ids) if place not in refused],
            "Failed": failed,
        }


class FakeSns(_Receiver):
    """boto3's SNS client, for one topic."""

    def publish(self, *, TopicArn: str, Message: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's spelling
        assert TopicArn == TOPIC_ARN, "NotFound"
        self.take([{"Id": "0", "Message": Message}], "Message")
        return {"MessageId": "f1d2d2f9-24e9-86ac-1b86-16a5fd4d40a9"}

    def publish_batch(
        self,
        *,
        TopicArn: str,  # noqa: N803 - boto3's spelling
        PublishBatchRequestEntries: Sequence[Any],  # noqa: N803 - boto3's spelling
    ) -> Mapping[str, Any]:
        assert TopicArn == TOPIC_ARN, "NotFound"
        return self.take(PublishBatchRequestEntries, "Message")


class FakeSqs(_Receiver):
    """boto3's SQS client, for one queue."""

    def send_message_batch(
        self,
        *,
        QueueUrl: str,  # noqa: N803 - boto3's spelling
        Entries: Sequence[Any],  # noqa: N803 - boto3's spelling
    ) -> Mapping[str, Any]:
        assert QueueUrl == QUEUE_URL, "QueueDoesNotExist"
        return self.take(Entries, "MessageBody")
