"""One part of the whole path as a container of its own: `python -m streamer.local.container PART`.

docker/compose.yaml starts them. `aws` serves the embedded AWS; `tables` makes what the others need in it, and ends;
`relay` pumps the streams into the relay's handler; `writer` writes news. All but `aws` find it by AWS_ENDPOINT_URL.
SIGTERM ends each with exit code 0.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from streamer.telemetry.logs import configure

logger = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays one part until SIGTERM or SIGINT; returns the process's exit code."""
    parser = argparse.ArgumentParser(prog="python -m streamer.local.container", description=__doc__)
    parts = parser.add_subparsers(required=True, metavar="PART")
    aws = parts.add_parser("aws", help="serve the embedded AWS")
    aws.add_argument("--host", default="0.0.0.0", help="default: %(default)s")  # noqa: S104 - of a container
    aws.add_argument("--port", type=int, default=5000, help="default: %(default)s")
    aws.set_defaults(play=_aws)
    parts.add_parser("tables", help="make tables, topic and failure queue").set_defaults(play=_tables)
    parts.add_parser("relay", help="pump the tables' streams into the relay").set_defaults(play=_relay)
    writer = parts.add_parser("writer", help="write news")
    writer.add_argument("--rate", type=float, default=5.0, help="writes a second, on average (default: %(default)s)")
    writer.add_argument("--seed", type=int, default=1, help="another seed, other news (default: %(default)s)")
    writer.set_defaults(play=_writer)
    options = parser.parse_args(arguments)
    configure("INFO", "json")
    options.play(options)
    return 0


def _aws(options: argparse.Namespace) -> None:
    def end(number: int, frame: FrameType | None) -> None:
        raise SystemExit(0)  # at once: everything it knows is in memory

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    with socket.create_server((options.host, options.port), backlog=128) as listener:
        logger.info("listening", extra={"host": options.host, "port": listener.getsockname()[1]})
        from streamer.local.moto_server import serve  # who asks meanwhile waits

        serve(listener)


def _tables(_: argparse.Namespace) -> None:
    from streamer.local.provision import provision

    logger.info("made", extra=provision(_endpoint_url()).to_json())


def _relay(_: argparse.Namespace) -> None:
    from streamer.local.provision import provision
    from streamer.local.pump import Pump

    stop = _stop()
    resources = provision(_endpoint_url())  # what exists is kept
    os.environ.update(resources.environment())  # the handler reads it at its first call, as in Lambda
    from ingest_relay.handler import handler

    Pump.of(resources, handler).run(stop)


def _writer(options: argparse.Namespace) -> None:
    from streamer.local.clients import Clients
    from streamer.local.writer import Writer, news

    dynamodb = Clients(_endpoint_url()).dynamodb()
    Writer(dynamodb, _told("SENTIMENT_TABLE")).run(news(options.seed, options.rate), _stop())


def _stop() -> threading.Event:
    """Is set by SIGTERM and SIGINT: after what is under way."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _endpoint_url() -> str:
    return _told("AWS_ENDPOINT_URL")


def _told(key: str) -> str:
    try:
        return os.environ[key]
    except KeyError:
        raise SystemExit(f"{key}: not set; docker/compose.yaml shows what each part is told") from None


if __name__ == "__main__":
    sys.exit(main())
