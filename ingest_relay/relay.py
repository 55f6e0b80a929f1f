"""Relays batches, and decides from which record on Lambda must deliver a batch again."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import boto3
from botocore.config import Config

from ingest_relay.delivery import Delivery
from ingest_relay.failures import FailureQueue, Rejected, failure_record
from ingest_relay.metrics import EmfMetrics, Metrics, NoMetrics
from ingest_relay.pack import MESSAGE_BYTES, Message, canary, pack
from ingest_relay.publish import Topic
from ingest_relay.record import SENTIMENT, USERS, Allowed, Change, RecordFault, to_change
from ingest_relay.settings import Settings
from ingest_relay.tracing import NoTracing, Tracing

logger = logging.getLogger(__name__)


class FailureQueueError(Exception):
    """The failure queue did not accept a record that has no sequence number, so Lambda must deliver the whole batch
    again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one batch. All records before `resume_at` were published or are in the failure queue."""

    records: int
    changes: int
    """Number of published changes."""
    messages: int
    """Number of published messages."""
    bytes: int
    """Size of the published bodies."""
    requests: int
    """Number of PublishBatch calls."""
    failures: int
    """Number of records sent to the failure queue."""
    duration_ms: float
    resume_at: str | None = None
    """Sequence number from which Lambda must deliver again; None if the batch is done, or if the record has none."""
    error: str | None = None
    """Why the batch is not done; None if it is done."""
    returned: int = 0
    """Number of records that are delivered again: all from the first one that is not done."""

    @property
    def response(self) -> dict[str, list[dict[str, str]]]:
        """The response to the event source mapping."""
        return {"batchItemFailures": [] if self.resume_at is None else [{"itemIdentifier": self.resume_at}]}


class Relay:
    """Relays batches to the topic. Kept between invocations. Not thread-safe."""

    def __init__(
        self,
        topic: Topic,
        failure_queue: FailureQueue,
        tables: Mapping[str, Allowed],
        *,
        clock: Callable[[], float] = time.time,
        limit: int = MESSAGE_BYTES,
        metrics: Metrics | None = None,
        tracing: Tracing | None = None,
    ) -> None:
        """`tables`: allow-lists by table name. `clock`: returns Unix seconds. `limit`: maximum bytes of a message."""
        self._topic = topic
        self._failure_queue = failure_queue
        self._tables = tables
        self._clock = clock
        self._limit = limit
        self._metrics = metrics or NoMetrics()
        self._tracing = tracing or NoTracing()

    def relay(self, records: Sequence[object], *, trace: str | None = None, shard: str | None = None) -> Outcome:
        """Publishes the changes of a batch in order, then sends records that cannot be relayed to the failure queue.

        Publishing stops at the first message that the topic does not accept. Lambda delivers the records from there on
        again, so only earlier rejected records are sent to the failure queue. If the queue does not accept a record,
        Lambda must deliver from that record on. Raises FailureQueueError if that record has no sequence number.
        """
        began = time.perf_counter()
        changes, rejected = self._decode(records)
        packed = pack(changes, relayed_at=self._now_ms(), trace=trace, limit=self._limit)
        rejected += [self._too_large(change, records) for change in packed.oversize]
        with self._tracing.span("publish", trace, records=len(records), messages=len(packed.messages)):
            published = self._topic.publish([message.text for message in packed.messages])
        taken, stop = _split(packed.messages, published)
        due = sorted(
            (one for one in rejected if stop is None or one.position < stop.position), key=lambda one: one.position
        )
        with self._tracing.span("hand over", trace, records=len(due)) if due else nullcontext():
            queued = self._send_failures(due, shard)
        resume_at, error = (stop.seq, published.error) if stop else (None, None)
        done = len(records) if stop is None else stop.position
        if queued.taken < len(due):
            refused = due[queued.taken]
            reasons = [f"the failure queue did not accept a record: {queued.error}", error]
            resume_at, error = refused.seq, "; ".join(filter(None, reasons))
            done = refused.position
        outcome = Outcome(
            records=len(records),
            changes=sum(len(message.changes) for message in taken),
            messages=len(taken),
            bytes=sum(len(message.text) for message in taken),
            requests=published.requests,
            failures=queued.taken,
            duration_ms=round((time.perf_counter() - began) * 1000, 3),
            resume_at=resume_at,
            error=error,
            returned=len(records) - (0 if error and resume_at is None else done),
        )
        _log(outcome, trace)
        self._metrics.report(_counts(outcome))
        if outcome.error is not None and outcome.resume_at is None:
            raise FailureQueueError(f"a record has no sequence number, and {outcome.error}")
        return outcome

    def canary(self, *, trace: str | None = None) -> int:
        """Publishes a canary and returns its timestamp in Unix milliseconds. Raises PublishError."""
        sent_at = self._now_ms()
        with self._tracing.span("canary", trace):
            self._topic.publish_one(canary(sent_at=sent_at, trace=trace))
        logger.info("canary sent", extra={"sent_at": sent_at})
        self._metrics.report({"relay_canaries": 1})
        return sent_at

    def _decode(self, records: Sequence[object]) -> tuple[list[Change], list[Rejected]]:
        changes: list[Change] = []
        rejected: list[Rejected] = []
        for position, record in enumerate(records):
            try:
                changes.append(to_change(record, position, self._tables))
            except RecordFault as fault:
                rejected.append(Rejected(position, record, fault.reason, str(fault)))
        return changes, rejected

    def _too_large(self, change: Change, records: Sequence[object]) -> Rejected:
        error = f"the change has {len(change.text)} bytes; the limit of a message is {self._limit}"
        return Rejected(change.position, records[change.position], "too_large", error)

    def _send_failures(self, due: Sequence[Rejected], shard: str | None) -> Delivery:
        failed_at = self._now_ms()
        queued = self._failure_queue.send(
            [failure_record(one, tables=self._tables, failed_at=failed_at, shard=shard) for one in due]
        )
        for one in due[: queued.taken]:
            logger.warning(
                "record sent to the failure queue",
                extra={
                    "table": one.table,
                    "seq": one.seq,
                    "event_id": one.event_id,
                    "reason": one.reason,
                    "error": one.error,
                },
            )
        return queued

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def client_config() -> Config:
    """Returns the configuration of the boto3 clients, which make all retries.

    A failing call takes up to about 25 s: three attempts with timeouts of 2 s to connect and 5 s to read, and the waits
    between them. A batch has at most two failing calls (topic and failure queue), so a function timeout of 60 s is
    enough.
    """
    return Config(
        connect_timeout=2,
        read_timeout=5,
        retries={"mode": "standard", "total_max_attempts": 3},
        tcp_keepalive=True,
    )


def build(settings: Settings) -> Relay:
    """Builds a relay with boto3 clients."""
    config = client_config()
    tables = {settings.sentiment_table: SENTIMENT}
    if settings.users_table is not None:
        tables[settings.users_table] = USERS
    return Relay(
        Topic(boto3.client("sns", region_name=settings.region, config=config), settings.topic_arn),
        FailureQueue(boto3.client("sqs", region_name=settings.region, config=config), settings.failure_queue_url),
        tables,
        metrics=EmfMetrics(settings.deployment_name) if settings.metrics == "emf" else None,
        tracing=_tracing(settings),
    )


def _tracing(settings: Settings) -> Tracing:
    if settings.tracing == "none":
        return NoTracing()
    from ingest_relay.xray import XRay

    return XRay()


def _split(messages: Sequence[Message], published: Delivery) -> tuple[Sequence[Message], Change | None]:
    """Returns the accepted messages, and the first change that was not accepted."""
    done = messages[: published.taken]
    return done, messages[published.taken].changes[0] if published.taken < len(messages) else None


def _counts(outcome: Outcome) -> dict[str, float]:
    """Returns the counts by the names of the metrics catalogue."""
    return {
        "relay_records": outcome.records,
        "relay_changes": outcome.changes,
        "relay_messages": outcome.messages,
        "relay_bytes": outcome.bytes,
        "relay_requests": outcome.requests,
        "relay_rejected": outcome.failures,
        "relay_returned": outcome.returned,
        "relay_duration": outcome.duration_ms,
    }


def _log(outcome: Outcome, trace: str | None) -> None:
    extra = {
        "records": outcome.records,
        "changes": outcome.changes,
        "messages": outcome.messages,
        "bytes": outcome.bytes,
        "requests": outcome.requests,
        "failures": outcome.failures,
        "duration_ms": outcome.duration_ms,
        "trace": trace,
    }
    if outcome.error is None:
        logger.info("batch relayed", extra=extra)
    else:
        logger.error("batch cut short", extra=extra | {"resume_at": outcome.resume_at, "error": outcome.error})
