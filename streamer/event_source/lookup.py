"""Reads records from their stream again by sequence number. A stream keeps its records for 24 hours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from streamer.event_source.shards import Shard, ShardReader, list_shards

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

_PAGE: Final = 100
_MAX_EMPTY_PAGES: Final = 20
"""Consecutive empty pages that end the read of an open shard. GetRecords can return empty pages before records."""
_TRIMMED: Final = "the record was trimmed: a stream keeps records for 24 hours"


class RecordsUnavailable(Exception):
    """The records cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class RecordRange:
    """A range of sequence numbers in one stream, `first` and `last` included, as they are written: strings of digits,
    with leading zeros if they have some."""

    stream_arn: str
    first: str
    last: str
    shard_id: str | None = None


class RecordLookup:
    """Finds records in streams. Lists the shards of each stream once."""

    def __init__(self, streams: DynamoDBStreamsClient) -> None:
        self._streams = streams
        self._shards: dict[str, list[Shard]] = {}

    def find(self, wanted: RecordRange) -> list[Mapping[str, Any]]:
        """Returns the records of the range that the stream still has (at least one), in order and in Lambda's format.

        Raises RecordsUnavailable if the stream has none of them, and botocore's exceptions.
        """
        shards = self._list(wanted.stream_arn)
        first = int(wanted.first)
        # Sequence numbers are unique within a stream, so another shard can have the record if the named one is gone.
        holding = [each for each in shards if each.holds(first)]
        shard = next((each for each in holding if each.shard_id == wanted.shard_id), holding[0] if holding else None)
        if shard is None:
            oldest = min((each.first for each in shards), default=None)
            if oldest is None or first < oldest:
                raise RecordsUnavailable(_TRIMMED)
            raise RecordsUnavailable(
                "no shard of the stream has this sequence number: the record is from a replay or from another stream"
            )
        return self._read(wanted, shard)

    def _list(self, arn: str) -> list[Shard]:
        if arn not in self._shards:
            try:
                self._shards[arn] = list_shards(self._streams, arn)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("ResourceNotFoundException", "ValidationException"):
                    raise RecordsUnavailable("the stream is disabled or its table is deleted") from None
                raise
        return self._shards[arn]

    def _read(self, wanted: RecordRange, shard: Shard) -> list[Mapping[str, Any]]:
        # If the first record is trimmed, the reader continues with the oldest one; later records may still exist.
        reader = ShardReader(self._streams, wanted.stream_arn, shard.shard_id, at=wanted.first)
        found: list[Mapping[str, Any]] = []
        first, last = int(wanted.first), int(wanted.last)
        reached = empty = 0
        while reached < last and not reader.closed and empty < _MAX_EMPTY_PAGES:
            records = reader.read(_PAGE)
            empty = 0 if records else empty + 1
            found += [each.value for each in records if first <= int(each.seq) <= last]
            reached = int(records[-1].seq) if records else reached
        if not found:
            raise RecordsUnavailable(
                _TRIMMED if reader.trimmed else "the stream has no record with this sequence number"
            )
        return found
