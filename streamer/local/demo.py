"""`streamer demo`: runs the whole pipeline in child processes and shows a status line."""

from __future__ import annotations

import argparse
import errno
import math
import os
import secrets
import sys
import textwrap
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import Any, Final

from streamer.local.aws import EmbeddedAws
from streamer.local.child import Child
from streamer.local.discovery import RunningDemo, announced
from streamer.local.log_line import LogLine, parse_line
from streamer.local.ports import LOOPBACK, first_free
from streamer.local.probe import get_json, is_ready
from streamer.local.processes import ChildEnded, DemoInterrupted, Processes
from streamer.local.resources import Resources, aws_environment
from streamer.local.status_line import StatusLine
from streamer.local.summary import startup_text, status_text

_START_TIMEOUT: Final = 30.0
_TICK: Final = 1.0
_SERVICE: Final = {
    "SSE_HOST": LOOPBACK,
    # The long poll and the drain are short, so that Ctrl-C ends the demo within three seconds.
    "SSE_RECEIVE_WAIT": "1",
    "SSE_DRAIN_WINDOW": "0.5",
    "TRUSTED_PROXIES": f"{LOOPBACK}/32",  # accept X-User-ID from this machine
    # A page of a developer's own server may read the stream. No cookie comes with it: credentials are not allowed, and
    # neither is X-User-ID, so no page of another origin can be one of the demo's users.
    "CORS_ORIGINS": "*",
    "GATEWAY_SECRET": "",  # override the shell's: with a secret, X-User-ID would require it
    "SSE_MAX_ITEMS": "50000",  # more than the writer's items: a demo that stays open needs no more memory
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
}


class _DemoError(Exception):
    """The demo cannot continue. The message has the reason."""


def run(options: argparse.Namespace) -> int:
    """Runs the demo until a signal or the end of `--for`. `options`: see `streamer.local.options`.

    Returns the exit code: 0 after a signal or `--for`, 1 if it did not start or a part died.
    """
    try:
        port = first_free(options.port)
    except OSError as error:
        print(f"streamer demo: {error.strerror}; give another with --port", file=sys.stderr)
        return 1
    try:
        _Demo(options, port, StatusLine(sys.stdout)).run()
    except DemoInterrupted:
        return 0
    except _DemoError as error:
        print(f"streamer demo: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        # The reader closed the pipe. The interpreter must not fail again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


class _Demo:
    def __init__(self, options: argparse.Namespace, port: int, status: StatusLine) -> None:
        self._options = options
        self._port = port
        self._status = status
        self._processes = Processes(self._log)
        self._resources: Resources | None = None
        self._first_hop: Mapping[str, Any] | None = None
        self._serving = False
        self._service = _SERVICE | {"TICKET_SECRET": secrets.token_urlsafe(32)}

    def run(self) -> None:
        """Raises DemoInterrupted, _DemoError, and OSError if the terminal was closed."""
        with self._processes.signals():
            try:
                with ExitStack() as stack:
                    resources = self._start()
                    self._announce(stack, resources)
                    self._watch()
            except ChildEnded as ended:
                raise _DemoError(f"{ended}; its last lines:\n{_indented(ended.last_lines)}") from None
            finally:
                # The embedded AWS ends last, because the service deletes its queue.
                self._processes.stop(("writer", "relay", "serve"), ("aws",))
                self._status.close()

    def _start(self) -> Resources:
        """Starts all processes at once. Each part begins when its dependencies are ready."""
        self._status.update("starting…")
        aws = EmbeddedAws(listener=self._processes)
        aws.start()
        self._processes.add("aws", aws.child)
        serve, relay = self._processes.start("serve"), self._processes.start("relay")
        relay.begin(aws_environment(aws.endpoint_url))
        if not self._processes.wait_for(lambda: self._resources is not None, timeout=_START_TIMEOUT):
            raise _late("the embedded AWS")
        resources = self._resources
        assert resources is not None  # noqa: S101 - the wait above succeeded
        options = self._options
        writer = self._processes.start("writer", f"--rate={options.rate}", f"--seed={options.seed}")
        self._serve(serve, resources)
        writer.begin(resources.environment())
        if not self._processes.wait_for(
            lambda: is_ready(self._port, "/health/ready"), timeout=_START_TIMEOUT, every=0.03
        ):
            raise _late("the service")
        return resources

    def _serve(self, serve: Child, resources: Resources) -> None:
        """Waits until the service listens. Uses the next free port if another process has taken the port meanwhile."""
        while True:
            serve.begin(resources.environment() | self._service | {"SSE_PORT": str(self._port)})
            try:
                # Waits for the service's log line, because another process could respond on the port.
                if not self._processes.wait_for(lambda: self._serving, timeout=_START_TIMEOUT):
                    raise _late("the service")
                return
            except ChildEnded as ended:
                if ended.part != "serve" or (port := first_free(self._port)) == self._port:
                    raise
                self._port = port
                serve = self._processes.start("serve")

    def _announce(self, stack: ExitStack, resources: Resources) -> None:
        options = self._options
        base_url = f"http://{LOOPBACK}:{self._port}"
        demo = RunningDemo(os.getpid(), base_url, resources)
        try:
            stack.enter_context(announced(demo))
        except OSError as error:
            self._status.print(f"other commands cannot find this demo: {error}")
        self._status.print(startup_text(base_url, resources.endpoint_url, options.rate, options.seed, options.port))

    def _watch(self) -> None:
        ends = math.inf if self._options.seconds is None else time.monotonic() + self._options.seconds
        while (left := ends - time.monotonic()) > 0:
            response = get_json(self._port, "/api/v2/stream/status")
            self._status.update(status_text(response[1] if response else None, self._first_hop))
            self._processes.wait_for(lambda: False, timeout=min(_TICK, left))

    def _log(self, part: str, line: LogLine) -> None:
        match part, line.message:
            case "serve", "serving":
                self._serving = True
            case "relay", "provisioned":
                self._resources = Resources.from_json({name: line.details[name] for name in Resources.__slots__})
            case "relay", "first hop":
                self._first_hop = line.details
        if self._options.verbose or not line.quiet:
            self._status.print(f"{part}: {line.text}")


def _late(what: str) -> _DemoError:
    return _DemoError(f"{what} was not ready within {_START_TIMEOUT:g} s; see its logs with --verbose")


def _indented(lines: list[str]) -> str:
    text = "\n".join(parse_line(each).text for each in lines) or "(no output)"
    return textwrap.indent(text, "    ")
