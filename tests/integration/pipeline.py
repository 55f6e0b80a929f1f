"""The embedded AWS with its relay, for tests: everything of the path but the service."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch
from urllib.request import ProxyHandler, Request, build_opener

from ingest_relay.handler import built_relay, handler
from streamer.event_source.mapping import Handler
from streamer.local.aws import EmbeddedAws
from streamer.local.provision import provision
from streamer.local.relay import drive, table_mapping
from streamer.local.resources import Resources
from streamer.local.schedule import CanarySchedule
from tests.watchdog import WATCHDOG

_READ_SHARDS = 0.2
"""Seconds. At the demo's pace, a pipeline that only waits takes a fifth of a core."""

_idle: list[EmbeddedAws] = []


@contextmanager
def embedded_aws() -> Iterator[str]:
    """The endpoint URL of an embedded AWS that holds nothing; the process is kept for the next who needs one."""
    aws = _idle.pop() if _idle else EmbeddedAws().__enter__()
    try:
        yield aws.endpoint_url
    except BaseException as error:  # who failed may have left it in any state
        aws.__exit__(type(error), error, None)
        raise
    opener = build_opener(ProxyHandler({}))
    with opener.open(Request(f"{aws.endpoint_url}/moto-api/reset", method="POST"), timeout=WATCHDOG) as answer:
        answer.read()
    _idle.append(aws)


@atexit.register
def _end_idle() -> None:
    while _idle:
        _idle.pop().__exit__(None, None, None)


@contextmanager
def pipeline() -> Iterator[Resources]:
    """Tables, stream, topic and failure queue, and a mapping that calls the real handler in a thread."""
    with embedded_aws() as endpoint_url:
        resources = provision(endpoint_url)
        with pumping(resources, handler):
            yield resources


@contextmanager
def pumping(resources: Resources, handler: Handler, *, interval: float = _READ_SHARDS) -> Iterator[None]:
    """Calls a handler that ends in the relay, in a thread, until the block ends. `interval`: seconds between two reads
    of the shards."""
    built_relay.cache_clear()
    with patch.dict(os.environ, resources.environment() | {"LOG_LEVEL": "WARNING"}):
        built_relay()
    stop = threading.Event()
    schedule = CanarySchedule(handler, interval=0.5)  # so that push proves itself soon, whoever writes
    mapping = table_mapping(resources, handler, interval=interval)
    thread = threading.Thread(target=drive, args=(mapping, schedule, stop), name="relay")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        built_relay.cache_clear()
