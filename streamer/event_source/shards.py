"""Lists the shards of a stream, decides which of them may be read now, and reads one shard."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from streamer.event_source.record import StreamRecord, from_api, sequence_number

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as DescribeStream lists it."""

    shard_id: str
    parent_id: str | None = None
    first: int = 0
    """Lowest sequence number."""
    last: int | None = None
    """Highest sequence number; None while the shard is open."""

    def holds(self, seq: int) -> bool:
        """Returns whether a sequence number is in the shard's range."""
        return self.first <= seq and (self.last is None or seq <= self.last)


def list_shards(streams: DynamoDBStreamsClient, stream_arn: str) -> list[Shard]:
    """Returns all shards of a stream. Raises botocore's exceptions."""
    shards: list[Shard] = []
    request: Any = {"StreamArn": stream_arn}
    while True:
        description = streams.describe_stream(**request)["StreamDescription"]
        shards += map(_shard, description["Shards"])
        last = description.get("LastEvaluatedShardId")
        if not last:
            return shards
        request["ExclusiveStartShardId"] = last


def readable(shards: Sequence[Shard], finished: Collection[str]) -> list[str]:
    """Returns the ids of the shards that may be read now without reordering the changes of an item.

    DynamoDB closes a full shard and continues in child shards; the older changes of an item are in the parent. A shard
    may be read if its parent is finished, or is not listed any more (trimmed after 24 hours).
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    """
    listed = {shard.shard_id for shard in shards}
    return [
        shard.shard_id
        for shard in shards
        if shard.shard_id not in finished and (shard.parent_id not in listed or shard.parent_id in finished)
    ]


class ShardReader:
    """Reads one shard and renews its iterator. `closed` is true after the last record of a closed shard was read."""

    def __init__(
        self,
        streams: DynamoDBStreamsClient,
        stream_arn: str,
        shard_id: str,
        *,
        latest: bool = False,
        at: str | None = None,
    ) -> None:
        """Starts with the oldest record; with `latest`, with records that are written after the first read; with `at`,
        with this sequence number, as the record has it: DynamoDB Local refuses one without its leading zeros."""
        self.closed = False
        self.trimmed = False
        """Whether the next record was trimmed, so that reading continued with the oldest record of the shard."""
        self._streams = streams
        self._stream_arn = stream_arn
        self._shard_id = shard_id
        self._position: Any = {"ShardIteratorType": "LATEST" if latest else "TRIM_HORIZON"}
        if at is not None:
            self._position = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": at}
        self._iterator: str | None = None

    def read(self, limit: int) -> list[StreamRecord]:
        """Returns the next records, at most `limit`; an empty list if there are none yet.

        Raises botocore's exceptions. The next call then requests the same records again.
        """
        try:
            response = self._get_records(limit)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            self._iterator = None
            if code == "TrimmedDataAccessException":
                logger.error("stream records lost", extra={"shard": self._shard_id, "position": self._position})
                self.trimmed = True
                self._position = {"ShardIteratorType": "TRIM_HORIZON"}
            elif code != "ExpiredIteratorException":  # after 15 minutes on AWS, 5,000 reads in local.moto_memory
                raise
            response = self._get_records(limit)
        records = [from_api(wire, self._stream_arn) for wire in response["Records"]]
        self._iterator = response.get("NextShardIterator")
        self.closed = self._iterator is None
        if records:
            self._position = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": records[-1].seq}
        return records

    def _get_records(self, limit: int) -> Any:
        if self._iterator is None:
            response = self._streams.get_shard_iterator(
                StreamArn=self._stream_arn, ShardId=self._shard_id, **self._position
            )
            self._iterator = str(response["ShardIterator"])
        return self._streams.get_records(ShardIterator=self._iterator, Limit=limit)


def _shard(described: Mapping[str, Any]) -> Shard:
    numbers = described.get("SequenceNumberRange", {})
    return Shard(
        described["ShardId"],
        described.get("ParentShardId"),
        sequence_number(numbers.get("StartingSequenceNumber")) or 0,
        sequence_number(numbers.get("EndingSequenceNumber")),
    )
