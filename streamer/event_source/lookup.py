"""Reads given records from their stream again, while it holds them (24 h)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from streamer.event_source.shards import Shard, ShardReader, StreamsClient, list_shards

_PAGE: Final = 100
_MAX_EMPTY_PAGES: Final = 20
"""Empty pages in a row after which an open shard counts as read: GetRecords can return none before it returns some."""
_TRIMMED: Final = "trimmed: the stream holds nothing that old any more (24 hours)"


class RecordsUnavailable(Exception):
    """The records cannot be read; the message says why."""


@dataclass(frozen=True, slots=True)
class RecordRange:
    """Records of one stream."""

    stream_arn: str
    first: int
    last: int
    """The sequence numbers of the first and the last, both included."""
    shard_id: str | None = None


class RecordLookup:
    """Finds records in their streams. Lists the shards of each stream once."""

    def __init__(self, streams: StreamsClient) -> None:
        self._streams = streams
        self._shards: dict[str, list[Shard]] = {}

    def find(self, wanted: RecordRange) -> list[Mapping[str, Any]]:
        """The records of the range that the stream still holds, at least one, in order, in Lambda's shape.

        Raises RecordsUnavailable, and botocore's exceptions, most of which say nothing about these records.
        """
        shards = self._list(wanted.stream_arn)
        # The named shard may be gone while the numbers are not: a number is unique within a stream.
        holding = [each for each in shards if each.holds(wanted.first)]
        shard = next((each for each in holding if each.shard_id == wanted.shard_id), holding[0] if holding else None)
        if shard is None:
            oldest = min((each.first for each in shards), default=None)
            if oldest is None or wanted.first < oldest:
                raise RecordsUnavailable(_TRIMMED)
            raise RecordsUnavailable(
                "no shard of the stream holds this sequence number: it is from a replay, or from another stream"
            )
        return self._read(wanted, shard)

    def _list(self, arn: str) -> list[Shard]:
        if arn not in self._shards:
            try:
                self._shards[arn] = list_shards(self._streams, arn)
            except ClientError as error:
                if error.response.get("Error", {}).get("Code") in ("ResourceNotFoundException", "ValidationException"):
                    raise RecordsUnavailable("the stream is gone: it was disabled, or its table deleted") from None
                raise
        return self._shards[arn]

    def _read(self, wanted: RecordRange, shard: Shard) -> list[Mapping[str, Any]]:
        # If the first record is trimmed, the reader continues with the oldest: the last may be there for hours.
        reader = ShardReader(self._streams, wanted.stream_arn, shard.shard_id, at=wanted.first)
        found: list[Mapping[str, Any]] = []
        reached = empty = 0
        while reached < wanted.last and not reader.closed and empty < _MAX_EMPTY_PAGES:
            records = reader.read(_PAGE)
            empty = 0 if records else empty + 1
            found += [each.value for each in records if wanted.first <= int(each.seq) <= wanted.last]
            reached = int(records[-1].seq) if records else reached
        if not found:
            raise RecordsUnavailable(
                _TRIMMED if reader.trimmed else "the stream has no record with this sequence number"
            )
        return found
