"""Publishes messages to the SNS topic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from ingest_relay.delivery import AWS_ERRORS, Delivery, deliver


class SnsClient(Protocol):
    """The part of boto3's SNS client that the relay calls."""

    def publish(self, *, TopicArn: str, Message: str) -> Mapping[str, Any]:  # noqa: N803 - boto3's spelling
        """Publishes one message."""

    def publish_batch(
        self,
        *,
        TopicArn: str,  # noqa: N803 - boto3's spelling
        PublishBatchRequestEntries: Sequence[Any],  # noqa: N803 - boto3's spelling
    ) -> Mapping[str, Any]:
        """Publishes up to ten entries of `Id` and `Message`. The response has `Successful` and `Failed`."""


class PublishError(Exception):
    """The topic did not accept a canary."""


class Topic:
    """One SNS topic."""

    def __init__(self, client: SnsClient, arn: str) -> None:
        self._client = client
        self._arn = arn

    def publish(self, texts: Sequence[str]) -> Delivery:
        """Publishes the texts in order and stops at the first one that the topic does not accept."""
        return deliver(texts, self._send)

    def publish_one(self, text: str) -> None:
        """Publishes one text. Raises PublishError if the topic does not accept it."""
        try:
            self._client.publish(TopicArn=self._arn, Message=text)
        except AWS_ERRORS as error:
            raise PublishError(f"{self._arn} did not accept a message: {error}") from error

    def _send(self, entries: list[tuple[str, str]]) -> Mapping[str, Any]:
        return self._client.publish_batch(
            TopicArn=self._arn,
            PublishBatchRequestEntries=[{"Id": number, "Message": text} for number, text in entries],
        )
