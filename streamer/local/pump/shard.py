"""Reads one shard from its oldest record on, or from now on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Protocol

from botocore.exceptions import ClientError

from streamer.local.pump.record import Record, to_record

logger = logging.getLogger(__name__)


class Streams(Protocol):
    """What is called of boto3's `dynamodbstreams` client; the requests and answers are those of the API's reference."""

    @property
    def describe_stream(self) -> Callable[..., Any]:
        """One stream's shards, in pages."""

    @property
    def get_shard_iterator(self) -> Callable[..., Any]:
        """A place in a shard."""

    @property
    def get_records(self) -> Callable[..., Any]:
        """The records after a place."""


class ShardReader:
    """One shard's iterator, kept alive. `closed` once all of a closed shard was read."""

    def __init__(self, streams: Streams, stream_arn: str, shard_id: str, *, latest: bool = False) -> None:
        """`latest`: begin with what is written after the first read, in place of the oldest record."""
        self.closed = False
        self._streams = streams
        self._stream_arn = stream_arn
        self._shard_id = shard_id
        self._last: str | None = None
        self._start = "LATEST" if latest else "TRIM_HORIZON"
        self._iterator: str | None = None

    def read(self, limit: int) -> list[Record]:
        """The next records, at most `limit`; none if there are none yet.

        Raises botocore's exceptions; the next call then asks for the same records again.
        """
        if self._iterator is None:
            self._iterator = self._renewed()
        try:
            answer = self._streams.get_records(ShardIterator=self._iterator, Limit=limit)
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code")
            self._iterator = None
            if code == "TrimmedDataAccessException":
                # Older than 24 hours and gone: there is nothing better than what is left.
                logger.error("stream records lost", extra={"shard": self._shard_id, "after": self._last})
                self._last = None
                self._start = "TRIM_HORIZON"
            elif code != "ExpiredIteratorException":  # after 15 minutes on AWS, after some 5,000 reads here
                raise
            self._iterator = self._renewed()
            answer = self._streams.get_records(ShardIterator=self._iterator, Limit=limit)
        records = [to_record(wire, self._stream_arn) for wire in answer["Records"]]
        self._iterator = answer.get("NextShardIterator")
        self.closed = self._iterator is None
        if records:
            self._last = records[-1].seq
        return records

    def _renewed(self) -> str:
        place: dict[str, str] = {"ShardIteratorType": self._start}
        if self._last is not None:
            place = {"ShardIteratorType": "AFTER_SEQUENCE_NUMBER", "SequenceNumber": self._last}
        answer = self._streams.get_shard_iterator(StreamArn=self._stream_arn, ShardId=self._shard_id, **place)
        return str(answer["ShardIterator"])
