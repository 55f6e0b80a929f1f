"""The embedded AWS with its pump and relay, for tests: everything of the path but the service."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from ingest_relay.handler import built_relay, handler
from streamer.local.aws import EmbeddedAws
from streamer.local.provision import provision
from streamer.local.pump import Pump
from streamer.local.pump.pump import Handler
from streamer.local.resources import Resources


@contextmanager
def pipeline() -> Iterator[Resources]:
    """Tables, stream, topic and failure queue, and a pump that calls the real handler in a thread."""
    with EmbeddedAws() as aws:
        resources = provision(aws.endpoint_url)
        with pumping(resources, handler):
            yield resources


@contextmanager
def pumping(resources: Resources, handler: Handler) -> Iterator[None]:
    """Pumps into a handler that ends in the relay, until the block ends."""
    built_relay.cache_clear()
    with patch.dict(os.environ, resources.environment() | {"LOG_LEVEL": "WARNING"}):
        built_relay()
    stop = threading.Event()
    pump = Pump.of(resources, handler, canary_every=0.5)  # so that push proves itself soon, whoever writes
    thread = threading.Thread(target=pump.run, args=(stop,), name="pump")
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
        built_relay.cache_clear()
