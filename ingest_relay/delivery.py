"""Sends messages in order and stops at the first message that SNS or SQS does not accept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ingest_relay.pack import batches

AWS_ERRORS: Final = (BotoCoreError, ClientError)
"""Exceptions of boto3 calls."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """The result of sending messages in order."""

    taken: int
    """Number of accepted messages, counted from the first. The next message, if any, was not accepted."""
    requests: int
    """Number of calls, without boto3's retries."""
    error: str | None = None
    """Why the next message was not accepted; None if all were accepted."""


def deliver(texts: Sequence[str], send: Callable[[list[tuple[str, str]]], Mapping[str, Any]]) -> Delivery:
    """Sends the texts in requests of the largest allowed size, in order, until one text is not accepted.

    `send` makes a PublishBatch or SendMessageBatch request with (id, text) pairs and returns the response. A text that
    is not in `Successful` was not accepted, even if it is not in `Failed`. Later texts of the same request may have
    been accepted; the caller sends them again. Catches AWS_ERRORS.
    """
    taken = requests = 0
    for batch in batches(texts):
        requests += 1
        try:
            response = send([(str(number), text) for number, text in enumerate(batch)])
        except AWS_ERRORS as error:
            return Delivery(taken, requests, _describe(error))
        successful = {entry.get("Id") for entry in response.get("Successful") or ()}
        for number in range(len(batch)):
            if str(number) not in successful:
                return Delivery(taken, requests, _refusal(response, str(number)))
            taken += 1
    return Delivery(taken, requests)


def _refusal(response: Mapping[str, Any], number: str) -> str:
    for entry in response.get("Failed") or ():
        if entry.get("Id") == number:
            fault = "the sender's fault" if entry.get("SenderFault") else "the service's fault"
            return f"{entry.get('Code')}: {entry.get('Message')} ({fault})"
    return "the message is neither in Successful nor in Failed of the response"


def _describe(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
