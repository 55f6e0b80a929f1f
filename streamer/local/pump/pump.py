"""The pump: reads every shard of every source in order and calls the handler, as an event source mapping does."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from streamer.local.clients import Clients
from streamer.local.pump.canary import schedule_event
from streamer.local.pump.checkpoint import Backlog, Discard, Policy, after_answer, after_error, done
from streamer.local.pump.discard import discard_message
from streamer.local.pump.invocation import Invocation
from streamer.local.pump.lineage import Shard, readable
from streamer.local.pump.record import to_event
from streamer.local.pump.shard import ShardReader, Streams
from streamer.local.resources import Resources

logger = logging.getLogger(__name__)

Handler = Callable[[dict[str, Any], Any], object]
"""A Lambda handler: event and context in, the answer or an exception out."""

POLL_INTERVAL: Final = 0.025
"""Seconds between two reads of a shard. AWS polls four times a second; here nobody pays by the request."""
_USERS_INTERVAL: Final = 0.25
_AWS_ERRORS: Final = (ClientError, BotoCoreError)
_TROUBLE_WAIT: Final = 1.0


class Queue(Protocol):
    """What is called of boto3's `sqs` client."""

    @property
    def send_message(self) -> Callable[..., Any]:
        """Sends one message."""


@dataclass(frozen=True, slots=True)
class Source:
    """One table's stream, and the seconds between two reads of each of its shards."""

    stream_arn: str
    interval: float = POLL_INTERVAL
    latest: bool = False
    """Begin with what is written from now on, as a mapping with the starting position LATEST."""


@dataclass(slots=True)
class _Stream:
    source: Source
    discover_due: float
    latest: bool = False
    """Whether a shard that is found now begins with what is written from now on."""
    finished: set[str] = field(default_factory=set)
    open: dict[str, _Turns] = field(default_factory=dict)


@dataclass(slots=True)
class _Turns:
    """Whose turn it is when: one shard, what is left of what was read, and the time of its next turn."""

    source: Source
    shard_id: str
    reader: ShardReader
    due: float
    backlog: Backlog = field(default_factory=Backlog)
    troubled: bool = False


class Pump:
    """Drives one handler from some streams and a schedule. For one thread; `run` returns soon after `stop` is set.

    The handler is called with one batch at a time. A shard whose batch fails waits; the others go on.
    """

    def __init__(
        self,
        streams: Streams,
        sqs: Queue,
        sources: Sequence[Source],
        handler: Handler,
        failure_queue_url: str,
        *,
        policy: Policy | None = None,
        canary_every: float = 60.0,
        discover_every: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._client = streams
        self._sqs = sqs
        self._handler = handler
        self._failure_queue_url = failure_queue_url
        self._policy = policy or Policy()
        self._canary_every = canary_every
        self._discover_every = discover_every
        self._clock = clock
        self._wall = wall
        self._canary_due = clock()
        self._streams = [_Stream(source, clock(), source.latest) for source in sources]

    @classmethod
    def of(
        cls,
        resources: Resources,
        handler: Handler,
        *,
        interval: float = POLL_INTERVAL,
        policy: Policy | None = None,
        canary_every: float = 60.0,
    ) -> Pump:
        """A pump of both tables of an embedded AWS; `interval`, in seconds, is the sentiment table's."""
        clients = Clients(resources.endpoint_url)
        sources = [
            Source(resources.sentiment_stream_arn, interval),
            Source(resources.users_stream_arn, max(interval, _USERS_INTERVAL)),
        ]
        return cls(
            clients.streams(),
            clients.sqs(),
            sources,
            handler,
            resources.failure_queue_url,
            policy=policy,
            canary_every=canary_every,
        )

    def run(self, stop: threading.Event) -> None:
        """Pumps until `stop` is set; a call of the handler that has begun is finished first."""
        while not stop.is_set():
            stop.wait(self.step())

    def step(self) -> float:
        """Does everything that is due, and returns the seconds until something is due again."""
        if self._clock() >= self._canary_due:
            self._canary_due = self._clock() + self._canary_every
            self._send_canary()
        for stream in self._streams:
            if self._clock() >= stream.discover_due:
                self._discover(stream)
            for turns in list(stream.open.values()):
                if self._clock() >= turns.due:
                    self._turn(stream, turns)
        dues = [turns.due for stream in self._streams for turns in stream.open.values()]
        dues += [stream.discover_due for stream in self._streams]
        return max(0.0, min([self._canary_due, *dues]) - self._clock())

    def _send_canary(self) -> None:
        try:
            self._handler(schedule_event(self._wall()), Invocation())
        except Exception:  # the next one is a minute away
            logger.exception("the relay failed on the schedule's event")

    def _discover(self, stream: _Stream) -> None:
        arn = stream.source.stream_arn
        shards: list[Shard] = []
        request: dict[str, str] = {"StreamArn": arn}
        try:
            while True:
                answer = self._client.describe_stream(**request)["StreamDescription"]
                for each in answer["Shards"]:
                    shards.append(Shard(each["ShardId"], each.get("ParentShardId")))
                    if stream.latest and each.get("SequenceNumberRange", {}).get("EndingSequenceNumber"):
                        stream.finished.add(each["ShardId"])
                last = answer.get("LastEvaluatedShardId")
                if not last:
                    break
                request["ExclusiveStartShardId"] = last
        except _AWS_ERRORS as error:
            logger.warning("a stream cannot be described", extra={"stream": arn, "error": str(error)})
            stream.discover_due = self._clock() + _TROUBLE_WAIT
            return
        stream.discover_due = self._clock() + self._discover_every
        stream.finished &= {shard.shard_id for shard in shards}
        for shard_id in readable(shards, stream.finished):
            if shard_id not in stream.open:
                reader = ShardReader(self._client, arn, shard_id, latest=stream.latest)
                stream.open[shard_id] = _Turns(stream.source, shard_id, reader, self._clock())
        stream.latest = False  # what is found later began after us

    def _turn(self, stream: _Stream, turns: _Turns) -> None:
        started = self._clock()
        turns.due = started + turns.source.interval
        if not turns.backlog.records and not turns.reader.closed and not self._read(turns):
            return
        if turns.backlog.records:
            self._call(turns)
        elif turns.reader.closed:
            del stream.open[turns.shard_id]
            stream.finished.add(turns.shard_id)
            stream.discover_due = started  # its children may be read now

    def _read(self, turns: _Turns) -> bool:
        """Fills the backlog; False if it could not."""
        size = self._policy.batch_size
        try:
            records = turns.reader.read(size)
        except _AWS_ERRORS as error:
            if not turns.troubled:
                logger.warning("a shard cannot be read", extra={"shard": turns.shard_id, "error": str(error)})
            turns.troubled = True
            turns.due = self._clock() + _TROUBLE_WAIT
            return False
        turns.troubled = False
        turns.backlog = Backlog(tuple(records), size)
        if len(records) == size:
            turns.due = self._clock()  # there is probably more
        return True

    def _call(self, turns: _Turns) -> None:
        batch = turns.backlog.batch
        invocation = Invocation()
        raised = False
        try:
            answer = self._handler(to_event(batch), invocation)
        except Exception as error:
            raised = True
            step = after_error(turns.backlog, self._wall(), self._policy)
            logger.warning("the relay raised", exc_info=True, extra={"batch": len(batch), "error": repr(error)})
        else:
            step = after_answer(turns.backlog, done(answer, batch), self._wall(), self._policy)
        if step.discard and not self._give_up(turns, step.discard, invocation, raised):
            turns.due = self._clock() + _TROUBLE_WAIT
            return  # nothing is dropped silently: the batch stays, and is called again
        turns.backlog = step.backlog
        if step.wait:
            turns.due = self._clock() + step.wait
        elif step.backlog.records:
            turns.due = self._clock()

    def _give_up(self, turns: _Turns, discard: Discard, invocation: Invocation, raised: bool) -> bool:
        """Tells the failure queue; False if it could not be told."""
        said = {"shard": turns.shard_id, "first": discard.records[0].seq, "records": len(discard.records)}
        message = discard_message(
            discard,
            invocation,
            stream_arn=turns.source.stream_arn,
            shard_id=turns.shard_id,
            raised=raised,
            now=self._wall(),
        )
        try:
            self._sqs.send_message(QueueUrl=self._failure_queue_url, MessageBody=message)
        except _AWS_ERRORS as error:
            logger.error("the failure queue did not take a batch", extra={**said, "error": str(error)})
            return False
        logger.error("a batch was given up", extra={**said, "condition": discard.condition})
        return True
