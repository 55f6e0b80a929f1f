"""The command line. A command imports its modules only when it runs, so that `--help` is fast."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING

from streamer import __version__

if TYPE_CHECKING:
    from starlette.types import ASGIApp

COMPLETE = "_STREAMER_COMPLETE"
"""Variable of the environment by which a shell asks for words to complete: `streamer completion`."""
USAGE = 2
"""Exit code for invalid settings or usage."""
INTERRUPTED = 130
"""Exit code after Ctrl-C."""
TOOLS = {
    "tail": "show the events of a stream",
    "watch": "show a table of tickers that changes in place",
    "status": "show the status of a server",
    "doctor": "examine a deployment through its URL",
    "record": "record changes or events to a file",
    "replay": "send recorded changes through the relay",
    "failures": "list and redrive the relay's failure queue",
    "queues": "list and prune the queues of containers",
    "cost": "compute the monthly cost of a deployment",
    "completion": "print the completion of commands and options for a shell",
}
"""Commands of the extra `tools`, which is not in the image."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the console script. Always raises SystemExit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if COMPLETE in os.environ:
            raise SystemExit(_complete())
        if given and given[0] in TOOLS:
            raise SystemExit(_tool(given))
    except KeyboardInterrupt:  # while the command's modules are imported
        raise SystemExit(INTERRUPTED) from None
    options = _parser().parse_args(given)
    raise SystemExit(options.run(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="streamer", description="Streams changes of a DynamoDB table as Server-Sent Events."
    )
    parser.add_argument("--version", action="version", version=f"streamer {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    serve = commands.add_parser(
        "serve", help="serve the stream", description="Serves the stream. Reads its settings from the environment."
    )
    serve.add_argument("--host", help="address to listen on (SSE_HOST)")
    serve.add_argument("--port", help="port to listen on (SSE_PORT)")
    serve.set_defaults(run=_serve)

    if find_spec("streamer.local") is not None:  # not in the image
        from streamer.local.options import add_arguments

        demo = commands.add_parser(
            "demo", help="run the pipeline on this machine", description="Runs the pipeline on an embedded AWS."
        )
        add_arguments(demo)
        demo.set_defaults(run=_demo)
    for name, does in TOOLS.items():
        commands.add_parser(name, help=does)
    return parser


def _tool(arguments: list[str]) -> int:
    if not _installed(arguments[0], "tools"):
        return USAGE
    from streamer.tools import run

    return run(arguments)


def _complete() -> int:
    from streamer.extras import missing

    if missing("tools") is None:  # else a shell would show the hint in the middle of a line
        from streamer.tools.completion.words import complete

        complete(TOOLS)
    return 0


def _installed(command: str, extra: str) -> bool:
    from streamer.extras import missing

    hint = missing(extra)
    if hint is not None:
        print(f"streamer {command}: {hint}", file=sys.stderr)
    return hint is None


def _serve(options: argparse.Namespace) -> int:
    if not _installed("serve", "serve"):
        return USAGE
    environment = dict(os.environ)
    if options.host is not None:
        environment["SSE_HOST"] = options.host
    if options.port is not None:
        environment["SSE_PORT"] = options.port
    return run_service(environment)


def run_service(environment: Mapping[str, str], wrap: Callable[[ASGIApp], ASGIApp] | None = None) -> int:
    """Serves until a signal; returns the exit code. `wrap` puts a layer around the application."""
    import logging

    from streamer import settings
    from streamer.errors import SettingsError, StreamerError
    from streamer.telemetry.logs import configure, configure_queue

    try:
        read = settings.read(environment)
    except SettingsError as error:
        return _wrong(error.mistakes)
    # Lambda freezes a function with its threads, so there each line is written synchronously.
    queue = None
    if not read.in_lambda:
        queue = configure_queue(read.log_level, read.log_format, streams=read.max_connections)
    logs = configure(read.log_level, read.log_format) if queue is None else queue
    for name in settings.unknown(environment):
        logging.getLogger(__name__).warning("unknown setting", extra={"setting": name})
    from streamer.serve import serve

    try:
        serve(read, queue, wrap)
    except SettingsError as error:
        logs.flush()
        return _wrong(error.mistakes)
    except StreamerError as error:
        logs.flush()
        print(f"streamer: {error}", file=sys.stderr)
        return 1
    return 0


def _wrong(mistakes: Sequence[str]) -> int:
    print("streamer: invalid settings:", *mistakes, sep="\n  ", file=sys.stderr)
    return USAGE


def _demo(options: argparse.Namespace) -> int:
    if not _installed("demo", "local"):
        return USAGE
    from streamer.local import demo

    return demo.run(options)


if __name__ == "__main__":
    main()
