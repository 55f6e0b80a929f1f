"""Runs one part of the demo: `python -m streamer.local.part PART`.

docker/compose.yaml starts the parts as containers. `streamer demo` starts them as child processes with `--child`: then
a part imports its modules, reads its environment from standard input (one line of JSON), and ends when standard input
is closed or the parent dies. SIGTERM ends a part with exit code 0.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Sequence
from importlib import import_module
from typing import Final

from streamer.telemetry.logs import configure

logger = logging.getLogger(__name__)

_GRACE: Final = 2.5
"""Seconds after SIGTERM at which a part whose parent has died ends itself."""
_MODULES: Final = {
    "aws": (
        "streamer.local.moto_server",
        # moto imports these modules only at the first request.
        *(f"moto.{service}.responses" for service in ("dynamodb", "dynamodbstreams", "sns", "sqs")),
    ),
    "tables": ("streamer.local.provision",),
    "relay": ("streamer.local.relay",),
    "writer": ("streamer.local.clients", "streamer.local.writer"),
    "serve": ("streamer.serve", "streamer.local.sign_in"),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one part until SIGTERM or SIGINT; returns the exit code."""
    options = _parser().parse_args(arguments)
    configure("INFO", "json")
    for module in _MODULES[options.part]:
        import_module(module)
    if options.child:
        line = sys.stdin.buffer.readline()
        if not line:
            return 0  # the parent ended before it started this part
        os.environ.update(json.loads(line))
        threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    options.run(options)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m streamer.local.part", description=__doc__)
    parser.add_argument("--child", action="store_true", help="started by `streamer demo`")
    parts = parser.add_subparsers(required=True, metavar="PART", dest="part")
    aws = parts.add_parser("aws", help="serve the embedded AWS")
    aws.add_argument("--host", default="0.0.0.0", help="default: %(default)s")  # noqa: S104 - of a container
    aws.add_argument("--port", type=int, default=5000, help="default: %(default)s")
    aws.add_argument("--fd", type=int, help="inherited listening socket, instead of host and port")
    aws.set_defaults(run=_aws)
    parts.add_parser("tables", help="create tables, topic and failure queue, then exit").set_defaults(run=_tables)
    parts.add_parser("relay", help="relay the changes of the tables").set_defaults(run=_relay)
    writer = parts.add_parser("writer", help="write news")
    writer.add_argument("--rate", type=float, default=5.0, help="average writes a second (default: %(default)s)")
    writer.add_argument("--seed", type=int, default=1, help="seed of the generated news (default: %(default)s)")
    writer.set_defaults(run=_writer)
    parts.add_parser("serve", help="run `streamer serve`, where the demo's users can sign in").set_defaults(run=_serve)
    return parser


def _aws(options: argparse.Namespace) -> None:
    from streamer.local.moto_server import serve

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))  # all state is in memory
    if options.fd is not None:
        listener = socket.socket(fileno=options.fd)
    else:
        listener = socket.create_server((options.host, options.port), backlog=128)
        logger.info("listening", extra={"host": options.host, "port": listener.getsockname()[1]})
    with listener:
        serve(listener)


def _tables(_: argparse.Namespace) -> None:
    from streamer.local.provision import provision

    logger.info("provisioned", extra=provision(_setting("AWS_ENDPOINT_URL")).to_json())


def _relay(_: argparse.Namespace) -> None:
    from streamer.local.relay import run

    run(_setting("AWS_ENDPOINT_URL"), _stop_event())


def _writer(options: argparse.Namespace) -> None:
    from streamer.local.clients import LocalClients
    from streamer.local.writer import NewsWriter, news

    dynamodb = LocalClients(_setting("AWS_ENDPOINT_URL")).dynamodb()
    writer = NewsWriter(dynamodb, _setting("SENTIMENT_TABLE"), rate=options.rate)
    writer.run(news(options.seed, options.rate), _stop_event())


def _serve(_: argparse.Namespace) -> None:
    from streamer.cli import run_service
    from streamer.local.sign_in import SignIn

    run_service(os.environ, SignIn)


def _stop_event() -> threading.Event:
    """Returns an event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _setting(name: str) -> str:
    try:
        return os.environ[name]
    except KeyError:
        raise SystemExit(f"{name}: not set; docker/compose.yaml has the environment of each part") from None


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_GRACE)
    os._exit(70)


if __name__ == "__main__":
    sys.exit(main())
