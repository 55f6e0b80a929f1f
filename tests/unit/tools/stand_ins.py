"""An SQS queue in memory as the failure commands see it, and a target that keeps what it is sent."""
# ruff: noqa: N803 - boto3's parameters are named like this

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from streamer.tools.relay import RelayResult
from streamer.tools.replay.targets import Target


@dataclass
class _Stored:
    id: str
    body: str
    visible: bool = True
    deleted: bool = False
    receipt: str = ""


class FakeFailureQueue:
    """Hands out each visible message once until it is given back."""

    def __init__(self, *bodies: str) -> None:
        self.stored = [_Stored(f"m{number}", body) for number, body in enumerate(bodies)]
        self._receipts = itertools.count()

    @property
    def visible(self) -> list[str]:
        return [each.id for each in self.stored if each.visible and not each.deleted]

    @property
    def left(self) -> list[str]:
        return [each.id for each in self.stored if not each.deleted]

    def receive_message(self, *, MaxNumberOfMessages: int, **_: Any) -> dict[str, Any]:
        assert 1 <= MaxNumberOfMessages <= 10
        some = [each for each in self.stored if each.visible and not each.deleted][:MaxNumberOfMessages]
        for each in some:
            each.visible, each.receipt = False, f"r{next(self._receipts)}"
        return {
            "Messages": [
                {
                    "MessageId": each.id,
                    "ReceiptHandle": each.receipt,
                    "Body": each.body,
                    "Attributes": {"SentTimestamp": "1795359400000"},
                }
                for each in some
            ]
        }

    def change_message_visibility_batch(self, *, Entries: Sequence[Mapping[str, Any]], **_: Any) -> dict[str, Any]:
        assert 1 <= len(Entries) <= 10
        for entry in Entries:
            self._of(entry["ReceiptHandle"]).visible = entry["VisibilityTimeout"] == 0
        return {}

    def change_message_visibility(self, *, ReceiptHandle: str, VisibilityTimeout: int, **_: Any) -> None:
        self._of(ReceiptHandle).visible = VisibilityTimeout == 0

    def delete_message(self, *, ReceiptHandle: str, **_: Any) -> None:
        self._of(ReceiptHandle).deleted = True

    def _of(self, receipt: str) -> _Stored:
        return next(each for each in self.stored if each.receipt == receipt)


class Taken:
    """A target that keeps its batches; `answers` are given first, then everything is taken."""

    def __init__(self, *answers: RelayResult | Exception, local: bool = True) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self.answers = list(answers)
        self.target = Target(
            "the test", local, self._send, "kept in the test", {"sentiment": "target", "users": "target-users"}
        )

    @property
    def records(self) -> list[dict[str, Any]]:
        return [record for batch in self.batches for record in batch]

    def _send(self, records: Sequence[Mapping[str, Any]]) -> RelayResult:
        self.batches.append([dict(record) for record in records])
        answer = self.answers.pop(0) if self.answers else RelayResult(len(records), len(records), 1)
        if isinstance(answer, Exception):
            raise answer
        return answer
