"""Sends messages in order and stops at the first that is not taken; what SNS and SQS have in common.

botocore's exceptions end here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from ingest_relay.pack import batches

AWS_ERRORS: Final = (BotoCoreError, ClientError)
"""All that a boto3 call raises on purpose."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of messages that were sent in order."""

    taken: int
    """How many of them were taken, counted from the first on: the one after those was not, or there was none."""
    requests: int
    """How many calls were made (a call's own retries are not counted)."""
    error: str | None = None
    """Why no more were taken; None if all were."""


def deliver(texts: Sequence[str], send: Callable[[list[tuple[str, str]]], Mapping[str, Any]]) -> Delivery:
    """Sends the texts in requests as large as allowed, in order, until one text is not taken.

    `send` makes one request of (id, text) pairs and answers as PublishBatch and SendMessageBatch do. What its answer
    does not name in `Successful` was not taken, whether `Failed` names it or not. What came after it in the
    same request may have been; the caller sends it again. Never raises one of AWS_ERRORS.
    """
    taken = requests = 0
    for batch in batches(texts):
        requests += 1
        try:
            answer = send([(str(number), text) for number, text in enumerate(batch)])
        except AWS_ERRORS as error:
            return Delivery(taken, requests, _words(error))
        successful = {entry.get("Id") for entry in answer.get("Successful") or ()}
        for number in range(len(batch)):
            if str(number) not in successful:
                return Delivery(taken, requests, _refusal(answer, str(number)))
            taken += 1
    return Delivery(taken, requests)


def _refusal(answer: Mapping[str, Any], number: str) -> str:
    for entry in answer.get("Failed") or ():
        if entry.get("Id") == number:
            fault = "the sender's fault" if entry.get("SenderFault") else "the service's fault"
            return f"{entry.get('Code')}: {entry.get('Message')} ({fault})"
    return "the service's answer does not name it, neither as successful nor as failed"


def _words(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"
