"""Failed records read from their stream once more, while it holds them (24 h)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from streamer.local.pump.record import to_record
from streamer.local.pump.shard import Streams
from streamer.tools.deadletters import Failure

_PAGE: Final = 100
_EMPTY: Final = 20
"""Empty pages in a row after which an open shard is read: GetRecords may answer nothing before there is something."""


class BeyondReach(Exception):
    """The records cannot be had; the message says why."""


@dataclass(frozen=True, slots=True)
class _Shard:
    shard_id: str
    first: int
    last: int | None
    """None while the shard is open."""

    def holds(self, seq: int) -> bool:
        return self.first <= seq and (self.last is None or seq <= self.last)


class Rereading:
    """Finds failed records in their streams; knows each stream's shards after the first question."""

    def __init__(self, streams: Streams) -> None:
        self._streams = streams
        self._shards: dict[str, list[_Shard]] = {}

    def records(self, failure: Failure) -> list[dict[str, Any]]:
        """What the stream still has of the failed records, in order, in Lambda's shape: at least one.

        Raises BeyondReach; botocore's exceptions, of which some are no answer about these records.
        """
        first, last = _number(failure.first), _number(failure.last)
        if failure.stream_arn is None or first is None or last is None:
            raise BeyondReach("the message does not say which stream and sequence number")
        shards = self._of(failure.stream_arn)
        # A shard that the message names may be gone while its numbers are not: they are unique in the stream.
        holding = [each for each in shards if each.holds(first)]
        shard = next((each for each in holding if each.shard_id == failure.shard), holding[0] if holding else None)
        if shard is None:
            oldest = min((each.first for each in shards), default=None)
            if oldest is None or first < oldest:
                raise BeyondReach("trimmed: the stream holds nothing that old any more (24 hours)")
            raise BeyondReach("no shard of the stream holds this sequence number: it was replayed, or is another's")
        found = self._read(failure.stream_arn, shard, first, last)
        if not found:
            raise BeyondReach("the stream has no record with this sequence number")
        if failure.event_id and failure.records == 1 and found[0].get("eventID") != failure.event_id:
            raise BeyondReach("the record with this sequence number is another one: the table was made anew")
        return found

    def _of(self, arn: str) -> list[_Shard]:
        if arn not in self._shards:
            found: list[_Shard] = []
            request = {"StreamArn": arn}
            try:
                while True:
                    answer = self._streams.describe_stream(**request)["StreamDescription"]
                    found += [_shard(each) for each in answer["Shards"]]
                    last = answer.get("LastEvaluatedShardId")
                    if not last:
                        break
                    request["ExclusiveStartShardId"] = last
            except ClientError as error:
                if _code(error) in ("ResourceNotFoundException", "ValidationException"):
                    raise BeyondReach("the stream is gone: it was switched off, or its table deleted") from None
                raise
            self._shards[arn] = found
        return self._shards[arn]

    def _read(self, arn: str, shard: _Shard, first: int, last: int) -> list[dict[str, Any]]:
        found: dict[int, dict[str, Any]] = {}
        trimmed = False
        begins = [{"ShardIteratorType": "AT_SEQUENCE_NUMBER", "SequenceNumber": str(first)}]
        if first != last:  # a batch's first record may be gone, and its last be there for hours
            begins.append({"ShardIteratorType": "TRIM_HORIZON"})
        for begin in begins:
            try:
                self._collect(found, arn, shard, first, last, begin)
                break
            except ClientError as error:
                if _code(error) != "TrimmedDataAccessException":
                    raise
                trimmed = True
        if trimmed and not found:
            raise BeyondReach("trimmed: the stream holds nothing that old any more (24 hours)")
        return list(found.values())

    def _collect(
        self,
        found: dict[int, dict[str, Any]],
        arn: str,
        shard: _Shard,
        first: int,
        last: int,
        begin: Mapping[str, str],
    ) -> None:
        empty = 0
        iterator: str | None = self._streams.get_shard_iterator(StreamArn=arn, ShardId=shard.shard_id, **begin)[
            "ShardIterator"
        ]
        while iterator and empty < _EMPTY:
            answer = self._streams.get_records(ShardIterator=iterator, Limit=_PAGE)
            for wire in answer["Records"]:
                seq = int(wire["dynamodb"]["SequenceNumber"])
                if seq > last:
                    return
                if seq >= first:
                    found[seq] = json.loads(to_record(wire, arn).text)
                if seq == last:
                    return
            empty = 0 if answer["Records"] else empty + 1
            iterator = answer.get("NextShardIterator")


def _shard(described: Mapping[str, Any]) -> _Shard:
    numbers = described.get("SequenceNumberRange", {})
    return _Shard(
        described["ShardId"],
        _number(numbers.get("StartingSequenceNumber")) or 0,
        _number(numbers.get("EndingSequenceNumber")),
    )


def _number(text: object) -> int | None:
    return int(text) if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 128 else None


def _code(error: ClientError) -> str | None:
    return error.response.get("Error", {}).get("Code")
