"""A stream in memory, a queue, a clock that is moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from streamer.event_source.record import StreamRecord

ARN = "arn:aws:dynamodb:us-east-1:123456789012:table/sentiment/stream/2026-11-22T14:56:57.740"
BEGUN = 1_795_000_000.0


class Clock:
    """Seconds, monotonic and wall alike; moved by `pass_`."""

    def __init__(self) -> None:
        self.now = BEGUN

    def __call__(self) -> float:
        return self.now

    def pass_(self, seconds: float) -> None:
        self.now += seconds


def record(seq: int, created_at: float = BEGUN) -> StreamRecord:
    return StreamRecord(str(seq), int(created_at), {"dynamodb": {"SequenceNumber": str(seq)}})


def wire(seq: int, item: str = "wire:1", created_at: float = BEGUN) -> dict[str, Any]:
    """A record as boto3 gives it."""
    return {
        "eventID": f"{seq:032x}",
        "eventName": "MODIFY",
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": "us-east-1",
        "dynamodb": {
            "ApproximateCreationDateTime": datetime.fromtimestamp(created_at, UTC),
            "Keys": {"source_id": {"S": item}, "timestamp": {"S": "2026-11-22T14:20:29.052Z"}},
            "NewImage": {"source_id": {"S": item}},
            "SequenceNumber": str(seq),
            "SizeBytes": 100,
            "StreamViewType": "NEW_AND_OLD_IMAGES",
        },
    }


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "for a test"}}, "GetRecords")


@dataclass(slots=True)
class FakeShard:
    parent_id: str | None = None
    records: list[dict[str, Any]] = field(default_factory=list)
    closed: bool = False

    @property
    def numbers(self) -> dict[str, str]:
        """As DescribeStream says it: an open shard has no end."""
        numbers = [each["dynamodb"]["SequenceNumber"] for each in self.records] or ["0"]
        return {"StartingSequenceNumber": numbers[0]} | ({"EndingSequenceNumber": numbers[-1]} if self.closed else {})


class FakeStreams:
    """One stream. An iterator is `SHARD@INDEX#GENERATION`; those of an older generation have expired."""

    def __init__(self) -> None:
        self.shards: dict[str, FakeShard] = {}
        self.calls: list[str] = []
        self.failures: list[Exception] = []
        self.page = 100
        self.trimmed_below = 0
        self._generation = 0

    def expire_iterators(self) -> None:
        self._generation += 1

    def describe_stream(self, StreamArn: str, ExclusiveStartShardId: str | None = None) -> dict[str, Any]:  # noqa: N803
        self.calls.append("describe_stream")
        ids = list(self.shards)
        start = ids.index(ExclusiveStartShardId) + 1 if ExclusiveStartShardId else 0
        page = ids[start : start + self.page]
        listed = [
            {"ShardId": shard_id}
            | ({"ParentShardId": parent} if (parent := self.shards[shard_id].parent_id) else {})
            | {"SequenceNumberRange": self.shards[shard_id].numbers}
            for shard_id in page
        ]
        more = {"LastEvaluatedShardId": page[-1]} if ids[start + self.page :] else {}
        return {"StreamDescription": {"StreamArn": StreamArn, "Shards": listed, **more}}

    def get_shard_iterator(
        self,
        StreamArn: str,  # noqa: N803
        ShardId: str,  # noqa: N803
        ShardIteratorType: str,  # noqa: N803
        SequenceNumber: str = "",  # noqa: N803
    ) -> dict[str, Any]:
        self.calls.append(f"get_shard_iterator {ShardIteratorType} {SequenceNumber}".rstrip())
        if ShardId not in self.shards:
            raise client_error("ResourceNotFoundException")
        if SequenceNumber and int(SequenceNumber) < self.trimmed_below:
            raise client_error("TrimmedDataAccessException")
        index = 0
        numbers = [each["dynamodb"]["SequenceNumber"] for each in self.shards[ShardId].records]
        if ShardIteratorType == "AFTER_SEQUENCE_NUMBER":
            index = numbers.index(SequenceNumber) + 1
        elif ShardIteratorType == "AT_SEQUENCE_NUMBER":
            index = sum(int(number) < int(SequenceNumber) for number in numbers)
        elif ShardIteratorType == "LATEST":
            index = len(numbers)
        return {"ShardIterator": f"{ShardId}@{index}#{self._generation}"}

    def get_records(self, ShardIterator: str, Limit: int) -> dict[str, Any]:  # noqa: N803
        self.calls.append("get_records")
        if self.failures:
            raise self.failures.pop(0)
        place, _, generation = ShardIterator.partition("#")
        if int(generation) != self._generation:
            raise client_error("ExpiredIteratorException")
        shard_id, _, index = place.partition("@")
        shard = self.shards.get(shard_id)
        if shard is None:
            raise client_error("ResourceNotFoundException")
        records = shard.records[int(index) : int(index) + Limit]
        reached = int(index) + len(records)
        ended = shard.closed and reached == len(shard.records)
        following = {} if ended else {"NextShardIterator": f"{shard_id}@{reached}#{self._generation}"}
        return {"Records": records, **following}


class FakeQueue:
    """A queue that keeps what it is sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.failures: list[Exception] = []

    def send_message(self, QueueUrl: str, MessageBody: str) -> None:  # noqa: N803
        if self.failures:
            raise self.failures.pop(0)
        self.bodies.append(MessageBody)


def seqs(event: dict[str, Any]) -> list[int]:
    return [int(each["dynamodb"]["SequenceNumber"]) for each in event["Records"]]


class Handler:
    """A Lambda that keeps each batch's numbers and answers as told, with success by default."""

    def __init__(self, *answers: object) -> None:
        self.batches: list[list[int]] = []
        self.canaries: list[dict[str, Any]] = []
        self.answers: list[Any] = list(answers)
        self.after: Callable[[dict[str, Any]], None] = lambda event: None

    def __call__(self, event: dict[str, Any], context: Any) -> object:
        if "Records" not in event:
            self.canaries.append(event)
            return {}
        self.batches.append(seqs(event))
        self.after(event)
        answer = self.answers.pop(0) if self.answers else {"batchItemFailures": []}
        if isinstance(answer, Exception):
            raise answer
        return answer


def failed(*numbers: object) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}
