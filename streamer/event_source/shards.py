"""The shards of a stream: which there are, which may be read now, and a reader of one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from botocore.exceptions import ClientError

from streamer.event_source.record import StreamRecord, from_api, sequence_number

logger = logging.getLogger(__name__)


class StreamsClient(Protocol):
    """The calls of boto3's `dynamodbstreams` client that are made here."""

    @property
    def describe_stream(self) -> Callable[..., Any]:
        """Returns a page of one stream's shards."""

    @property
    def get_shard_iterator(self) -> Callable[..., Any]:
        """Returns an iterator for a position in a shard."""

    @property
    def get_records(self) -> Callable[..., Any]:
        """Returns the records after an iterator, and the next iterator."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard as DescribeStream lists it."""

    shard_id: str
    parent_id: str | None = None
    first: int = 0
    """The lowest sequence number."""
    last: int | None = None
    """The highest sequence number; None while the shard is open."""

    def holds(self, seq: int) -> bool:
        """Whether a sequence number is in the shard's range."""
        return self.first <= seq and (self.last is None or seq <= self.last)


def list_shards(streams: StreamsClient, stream_arn: str) -> list[Shard]:
    """All shards of a stream. Raises botocore's exceptions."""
    shards: list[Shard] = []
    request = {"StreamArn": stream_arn}
    while True:
        description = streams.describe_stream(**request)["StreamDescription"]
        shards += map(_shard, description["Shards"])
        last = description.get("LastEvaluatedShardId")
        if not last:
            return shards
        request["ExclusiveStartShardId"] = last


def readable(shards: Sequence[Shard], finished: Collection[str]) -> list[str]:
    """The ids of the shards that may be read now, so that the changes of one item stay in order.

    A full shard is closed and its children continue; an item's older changes are in the parent. So a shard may be read
    when its parent is finished, or no longer listed (trimmed after 24 hours).
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
    """
    listed = {shard.shard_id for shard in shards}
    return [
        shard.shard_id
        for shard in shards
        if shard.shard_id not in finished and (shard.parent_id not in listed or shard.parent_id in finished)
    ]


class ShardReader:
    """Reads one shard and renews its iterator. `closed` once a closed shard was read to its end."""

    def __init__(
        self, streams: StreamsClient, stream_arn: str, shard_id: str, *, latest: bool = False, at: int | None = None
    ) -> None:
        """Starts with the oldest record; `latest`: with what is written after the first read; `at`: with this
        sequence number."""
        self.closed = False
        self.trimmed = False
        """Whether the position was trimmed, so that reading continued with the oldest record that is left."""
        self._streams = streams
        self._stream_arn = stream_arn
        self._shard_id = shard_id
        self._position = {"ShardIteratorType": "LATEST" if latest else "TRIM_HORIZON"}
        if at is not None:
            self._position = {"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": str(at)}
        self._iterator: str | None = None

    def read(self, limit: int) -> list[StreamRecord]:
        """The next records, at most `limit`; empty if there are none yet.

        Raises botocore's exceptions; the next call then asks for the same records again.
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
            elif code != "ExpiredIteratorException":  # after 15 minutes on AWS, after some 5,000 reads here
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
