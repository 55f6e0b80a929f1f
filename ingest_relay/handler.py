"""The entry point of the Lambda function: `ingest_relay.handler.handler`.

It handles batches of a DynamoDB stream (the event source mapping must have ReportBatchItemFailures) and scheduled
events.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from ingest_relay import logs, relay
from ingest_relay.settings import Settings

_EXPECTED = (
    'the relay expects a DynamoDB stream batch ({"Records": [{"eventSource": "aws:dynamodb", …}]}), '
    'an EventBridge schedule\'s event ({"source": "aws.events", …}) or {"canary": true}'
)


class UnexpectedEvent(Exception):
    """The event is neither a stream batch nor a scheduled event."""


def handler(event: object, context: object) -> dict[str, Any]:
    """Handles one invocation.

    For a stream batch, returns `{"batchItemFailures": [{"itemIdentifier": seq}]}` with the sequence number from which
    Lambda must deliver again; the list is empty if all records are done. For a scheduled event, publishes a canary and
    returns `{"sent_at": Unix ms}`.

    Raises SettingsError, UnexpectedEvent, PublishError (canary) or FailureQueueError. Lambda then delivers the whole
    batch again.
    """
    trace = os.environ.get("_X_AMZN_TRACE_ID")  # the runtime sets it for each invocation
    match event:
        case {"Records": list(records), **others} if _from_a_stream(records):
            shard = others.get("shardId")  # only with a tumbling window
            outcome = built_relay().relay(records, trace=trace, shard=shard if isinstance(shard, str) else None)
            return {**outcome.response}
        case {"source": "aws.events"} | {"canary": True}:
            return {"sent_at": built_relay().canary(trace=trace)}
        case _:
            raise UnexpectedEvent(f"{_described(event)}; {_EXPECTED}")


@functools.cache
def built_relay() -> relay.Relay:
    """Returns the relay of this execution environment. Builds it at the first invocation; an error is not cached."""
    settings = Settings.from_environment(os.environ)
    logs.configure(settings.log_level)
    return relay.build(settings)


def _from_a_stream(records: list[object]) -> bool:
    """Returns False if all records name another event source than DynamoDB."""
    return not records or any(_source(record) in (None, "aws:dynamodb") for record in records)


def _source(record: object) -> object:
    """Returns the event source of a record, or None. SNS capitalizes the member's name."""
    return record.get("eventSource") or record.get("EventSource") if isinstance(record, dict) else None


def _described(event: object) -> str:
    if not isinstance(event, dict):
        return f"the event is a {type(event).__name__}"
    members = sorted(map(str, event))[:10]
    records = event.get("Records")
    sources = {str(_source(record)) for record in records[:10]} if isinstance(records, list) else ()
    return f"the event has the members {members}{f' from {sorted(sources)}' if sources else ''}"
