"""Reads the shards of streams in order and calls a handler with their records."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from streamer.event_source.checkpoint import Backlog, Discard, RetryPolicy, after_error, after_response, count_done
from streamer.event_source.destination import FailureQueue, discard_message
from streamer.event_source.invocation import Invocation
from streamer.event_source.record import to_event
from streamer.event_source.shards import ShardReader, list_shards, readable

if TYPE_CHECKING:
    from mypy_boto3_dynamodbstreams import DynamoDBStreamsClient

logger = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], object]
"""A Lambda handler, called with an event and a context."""

POLL_INTERVAL: Final = 0.025
"""Seconds between two reads of a shard. Lambda reads four times a second; local requests are free."""
_DISCOVERY_INTERVAL: Final = 10.0
_RETRY_WAIT: Final = 1.0
_AWS_ERRORS: Final = (ClientError, BotoCoreError)


@dataclass(frozen=True, slots=True)
class StreamSource:
    """The stream of one table."""

    stream_arn: str
    interval: float = POLL_INTERVAL
    """Seconds between two reads of a shard."""
    latest: bool = False
    """Whether the starting position is LATEST: only records that are written from now on."""


@dataclass(slots=True)
class _Shard:
    """An open shard."""

    source: StreamSource
    shard_id: str
    reader: ShardReader
    due: float
    """Time of the next read or call."""
    backlog: Backlog = field(default_factory=Backlog)
    failing: bool = False
    """Whether the last read failed."""


@dataclass(slots=True)
class _Stream:
    source: StreamSource
    discovery_due: float
    latest: bool
    """Whether shards that are discovered now start at LATEST."""
    finished: set[str] = field(default_factory=set)
    open: dict[str, _Shard] = field(default_factory=dict)


class EventSourceMapping:
    """Calls one handler with the records of one or more streams, one batch at a time. Not thread-safe.

    A shard whose batch fails waits, and the others continue. Without a `destination`, it only logs discarded records.
    """

    def __init__(
        self,
        streams: DynamoDBStreamsClient,
        sources: Sequence[StreamSource],
        handler: Handler,
        *,
        destination: FailureQueue | None = None,
        policy: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.error: Exception | None = None
        """The error of the last call of the streams API; None if it succeeded."""
        self.answered_at = clock()
        """Time of the last successful call of the streams API, by `clock`."""
        self._client = streams
        self._handler = handler
        self._destination = destination
        self._policy = policy or RetryPolicy()
        self._clock = clock
        self._wall = wall
        self._streams = [_Stream(source, clock(), source.latest) for source in sources]

    def step(self) -> float:
        """Makes all reads and calls that are due. Returns the number of seconds until the next one is due."""
        for stream in self._streams:
            if self._clock() >= stream.discovery_due:
                self._discover(stream)
            for shard in list(stream.open.values()):
                if self._clock() >= shard.due:
                    self._continue(stream, shard)
        due = [shard.due for stream in self._streams for shard in stream.open.values()]
        due += [stream.discovery_due for stream in self._streams]
        return max(0.0, min(due) - self._clock())

    def _discover(self, stream: _Stream) -> None:
        arn = stream.source.stream_arn
        try:
            shards = list_shards(self._client, arn)
        except _AWS_ERRORS as error:
            self.error = error
            logger.warning("a stream cannot be described", extra={"stream": arn, "error": str(error)})
            stream.discovery_due = self._clock() + _RETRY_WAIT
            return
        self._answered()
        stream.discovery_due = self._clock() + _DISCOVERY_INTERVAL
        if stream.latest:
            stream.finished |= {shard.shard_id for shard in shards if shard.last is not None}
        listed = {shard.shard_id for shard in shards}
        stream.finished &= listed
        for shard_id in stream.open.keys() - listed:
            if stream.open[shard_id].failing:
                del stream.open[shard_id]  # it is gone, and nothing of it waits: reads of it would fail for ever
        for shard_id in readable(shards, stream.finished):
            if shard_id not in stream.open:
                reader = ShardReader(self._client, arn, shard_id, latest=stream.latest)
                stream.open[shard_id] = _Shard(stream.source, shard_id, reader, self._clock())
        stream.latest = False  # shards that are discovered later were created after the start

    def _continue(self, stream: _Stream, shard: _Shard) -> None:
        started = self._clock()
        shard.due = started + shard.source.interval
        if not shard.backlog.records and not shard.reader.closed and not self._read(shard):
            return
        if shard.backlog.records:
            self._call(shard)
        elif shard.reader.closed:
            del stream.open[shard.shard_id]
            stream.finished.add(shard.shard_id)
            stream.discovery_due = started  # the child shards may be read now

    def _read(self, shard: _Shard) -> bool:
        """Fills the backlog. Returns False if the read failed."""
        size = self._policy.batch_size
        try:
            records = shard.reader.read(size)
        except _AWS_ERRORS as error:
            self.error = error
            if not shard.failing:
                logger.warning("a shard cannot be read", extra={"shard": shard.shard_id, "error": str(error)})
            shard.failing = True
            shard.due = self._clock() + _RETRY_WAIT
            return False
        self._answered()
        shard.failing = False
        shard.backlog = Backlog(tuple(records), size)
        if len(records) == size:
            shard.due = self._clock()  # the shard probably has more records
        return True

    def _answered(self) -> None:
        self.error, self.answered_at = None, self._clock()

    def _call(self, shard: _Shard) -> None:
        batch = shard.backlog.batch
        invocation = Invocation()
        raised = False
        try:
            response = self._handler(to_event(batch), invocation)
        except Exception as error:
            raised = True
            step = after_error(shard.backlog, self._wall(), self._policy)
            logger.warning("the handler raised", exc_info=True, extra={"batch": len(batch), "error": repr(error)})
        else:
            step = after_response(shard.backlog, count_done(response, batch), self._wall(), self._policy)
        if step.discard and not self._report(shard, step.discard, invocation, raised):
            shard.due = self._clock() + _RETRY_WAIT
            return  # the batch is retried, so that no record is lost without a message
        shard.backlog = step.backlog
        if step.wait:
            shard.due = self._clock() + step.wait
        elif step.backlog.records:
            shard.due = self._clock()

    def _report(self, shard: _Shard, discard: Discard, invocation: Invocation, raised: bool) -> bool:
        """Logs the discarded records and sends their position to the destination. Returns False if the send failed."""
        extra = {"shard": shard.shard_id, "first": discard.records[0].seq, "records": len(discard.records)}
        if self._destination is not None:
            message = discard_message(
                discard,
                invocation,
                stream_arn=shard.source.stream_arn,
                shard_id=shard.shard_id,
                raised=raised,
                now=self._wall(),
            )
            try:
                self._destination.send(message)
            except _AWS_ERRORS as error:
                logger.error("the failure queue did not take a batch", extra={**extra, "error": str(error)})
                return False
        logger.error("a batch was given up", extra={**extra, "condition": discard.condition})
        return True
