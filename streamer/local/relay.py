"""Runs the relay on the embedded AWS: the event source mapping of the tables, and the schedule of the canary."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from contextlib import suppress

from botocore.exceptions import BotoCoreError, ClientError

from streamer.event_source import EventSourceMapping, FailureQueue, RetryPolicy, StreamSource
from streamer.event_source.mapping import POLL_INTERVAL, Handler
from streamer.local.clients import LocalClients
from streamer.local.first_hop import FirstHop
from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.local.schedule import CanarySchedule

logger = logging.getLogger(__name__)

_USERS_INTERVAL = 0.25


def run(endpoint_url: str, stop: threading.Event) -> None:
    """Creates missing resources and relays changes until `stop` is set. Logs `provisioned` and `first hop`."""
    resources = provision(endpoint_url)
    logger.info("provisioned", extra=resources.to_json())
    os.environ.update(resources.environment())  # the handler reads the environment at its first call, as in Lambda
    from ingest_relay.handler import handler

    measured = FirstHop(handler, lambda hop: logger.info("first hop", extra=hop))
    drive(table_mapping(resources, measured), CanarySchedule(measured), stop, lambda: _create_again(endpoint_url))


def table_mapping(
    resources: Resources, handler: Handler, *, interval: float = POLL_INTERVAL, policy: RetryPolicy | None = None
) -> EventSourceMapping:
    """Returns the mapping of both tables. `interval`: seconds between two reads of the sentiment table's shards."""
    clients = LocalClients(resources.endpoint_url)
    return EventSourceMapping(
        clients.streams(),
        [
            StreamSource(resources.sentiment_stream_arn, interval),
            StreamSource(resources.users_stream_arn, max(interval, _USERS_INTERVAL)),
        ],
        handler,
        destination=FailureQueue(clients.sqs(), resources.failure_queue_url),
        policy=policy,
    )


def drive(
    mapping: EventSourceMapping,
    schedule: CanarySchedule,
    stop: threading.Event,
    repair: Callable[[], None] = lambda: None,
) -> None:
    """Invokes the handler for stream records and for the schedule, one call at a time, until `stop` is set. Calls
    `repair` whenever a stream could not be read."""
    while not stop.is_set():
        pause = min(schedule.step(), mapping.step())
        if mapping.error is not None:
            repair()
        stop.wait(pause)


def _create_again(endpoint_url: str) -> None:
    """An embedded AWS that was restarted has lost everything. The ARNs that it gives to new streams differ in their
    times, which it does not read."""
    with suppress(BotoCoreError, ClientError):  # it may be away still
        provision(endpoint_url)
