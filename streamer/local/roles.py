"""What a child process can be. Each role imports what it needs in `load`, while the others do the same."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Mapping
from importlib import import_module
from typing import Any, Final, Protocol


class Role(Protocol):
    """One child's part. `load` and `play` are called once, in this order, in the main thread."""

    def load(self) -> None:
        """Imports; touches neither the environment nor the network."""

    def play(self, order: Mapping[str, Any]) -> int:
        """Does its part until the end and returns the exit code."""

    def end(self) -> None:
        """Makes `play` return soon; called from another thread, perhaps before `play`."""


class Moto:
    """DynamoDB, SNS and SQS. Order: `listener`, the number of an inherited listening socket."""

    def load(self) -> None:
        """Imports moto with the services' own modules, which it would import at their first request."""
        import_module("streamer.local.moto_server")
        for service in ("dynamodb", "dynamodbstreams", "sns", "sqs"):
            import_module(f"moto.{service}.responses")

    def play(self, order: Mapping[str, Any]) -> int:
        """Serves for ever."""
        import socket

        from streamer.local.moto_server import serve

        serve(socket.socket(fileno=order["listener"]))
        return 0

    def end(self) -> None:
        """At once: everything it knows is in memory."""
        os._exit(0)


class Relay:
    """Provisions, tells the parent the `resources`, then pumps into the real handler. Order: `endpoint_url`."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def load(self) -> None:
        """Imports boto3 with the rest."""
        import_module("streamer.local.provision")
        import_module("streamer.local.pump")

    def play(self, order: Mapping[str, Any]) -> int:
        """Pumps until the end."""
        from streamer.local.hop import FirstHop
        from streamer.local.lines import tell
        from streamer.local.provision import provision
        from streamer.local.pump import Pump

        resources = provision(order["endpoint_url"])
        tell("resources", resources.to_json())
        os.environ.update(resources.environment())  # the handler reads it at its first call, as in Lambda
        from ingest_relay.handler import handler

        pump = Pump.of(resources, FirstHop(handler, lambda hop: tell("first_hop", hop)))
        pump.run(self._stop)
        return 0

    def end(self) -> None:
        """After the batch under way."""
        self._stop.set()


class Author:
    """The writer. Order: `endpoint_url`, `table`, `seed`, `rate` (writes a second)."""

    def __init__(self) -> None:
        self._stop = threading.Event()

    def load(self) -> None:
        """Imports boto3 with the rest."""
        import_module("streamer.local.clients")
        import_module("streamer.local.writer")

    def play(self, order: Mapping[str, Any]) -> int:
        """Writes until the end."""
        from streamer.local.clients import Clients
        from streamer.local.writer import Writer, news

        writer = Writer(Clients(order["endpoint_url"]).dynamodb(), order["table"])
        writer.run(news(order["seed"], order["rate"]), self._stop)
        return 0

    def end(self) -> None:
        """After the write under way."""
        self._stop.set()


class Serve:
    """The service itself, by its command line; all it is told is in its environment."""

    def load(self) -> None:
        """Imports the service as its command does."""
        import_module("streamer.serve")

    def play(self, order: Mapping[str, Any]) -> int:
        """Runs `streamer serve`."""
        from streamer.cli import main

        try:
            main(["serve"])
        except SystemExit as leaving:
            return leaving.code if isinstance(leaving.code, int) else 1
        return 0

    def end(self) -> None:
        """As a container is ended."""
        os.kill(os.getpid(), signal.SIGTERM)


ROLES: Final[dict[str, type[Role]]] = {"moto": Moto, "relay": Relay, "writer": Author, "serve": Serve}
