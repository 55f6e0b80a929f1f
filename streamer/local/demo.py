"""The demo: the whole path in five processes, and a line about what happens."""

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

from streamer.local.asking import ask, is_well
from streamer.local.aws import EmbeddedAws
from streamer.local.discovery import RunningDemo, announced
from streamer.local.fleet import ChildEnded, Fleet, Interrupted
from streamer.local.lines import Log, read
from streamer.local.ports import LOOPBACK, first_free
from streamer.local.process import Child
from streamer.local.resources import Resources
from streamer.local.summary import line, listing
from streamer.local.terminal import Terminal

_START_TIMEOUT: Final = 30.0
_TICK: Final = 1.0
_SERVICE: Final = {
    "SSE_HOST": LOOPBACK,
    # Ctrl-C shall end everything within three seconds: a long poll and the goodbyes are short here.
    "SSE_RECEIVE_WAIT": "1",
    "SSE_DRAIN_WINDOW": "0.5",
    "TRUSTED_PROXIES": f"{LOOPBACK}/32",  # a curl from this machine can be anybody
    "GATEWAY_SECRET": "",  # whatever the shell has: with one, nobody could
    "LOG_LEVEL": "INFO",
    "LOG_FORMAT": "json",
}


class _DemoError(Exception):
    """The demo cannot go on; the message says why."""


def run(options: argparse.Namespace) -> int:
    """Runs the demo until it is interrupted or its time is over; returns the exit code.

    `options` are those of `streamer.local.options`. 0: ended as asked; 1: could not start, or a part died.
    """
    try:
        port = first_free(options.port)
    except OSError as error:
        print(f"streamer demo: {error.strerror}; choose another with --port", file=sys.stderr)
        return 1
    terminal = Terminal(sys.stdout)
    try:
        _Demo(options, port, terminal).run()
    except Interrupted:
        return 0
    except _DemoError as error:
        print(f"streamer demo: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):
            raise
        # Whoever read our output has gone. What is still buffered must not fail again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0


class _Demo:
    def __init__(self, options: argparse.Namespace, port: int, terminal: Terminal) -> None:
        self._options = options
        self._port = port
        self._terminal = terminal
        self._fleet = Fleet(self._log, self._hear)
        self._resources: Resources | None = None
        self._first_hop: Mapping[str, Any] | None = None
        self._serving = False
        self._service = _SERVICE | {"TICKET_SECRET": secrets.token_urlsafe(32)}

    def run(self) -> None:
        """Raises Interrupted, _DemoError, and OSError when the terminal has gone."""
        with self._fleet.signals():
            try:
                with ExitStack() as stack:
                    resources = self._start()
                    self._announce(stack, resources)
                    self._watch()
            except ChildEnded as ended:
                raise _DemoError(f"{ended}; its last lines:\n{_indented(ended.last_lines)}") from None
            finally:
                # The service gives its queue back, so moto goes last.
                self._fleet.stop(("writer", "relay", "serve"), ("moto",))
                self._terminal.leave()

    def _start(self) -> Resources:
        """Starts everything at once; each part begins as soon as it has what it needs."""
        self._terminal.show("starting…")
        on_line, on_end = self._fleet.ears("moto")
        aws = EmbeddedAws(on_line=on_line, on_end=on_end)
        aws.start()
        self._fleet.add("moto", aws.child)
        serve, relay = self._fleet.start("serve"), self._fleet.start("relay")
        relay.go(endpoint_url=aws.endpoint_url)
        if not self._fleet.until(lambda: self._resources is not None, timeout=_START_TIMEOUT):
            raise _late("the embedded AWS")
        resources = self._resources
        assert resources is not None  # noqa: S101 - that is what was waited for
        writer = self._fleet.start("writer")
        self._serve(serve, resources)
        writer.go(
            endpoint_url=aws.endpoint_url,
            table=resources.sentiment_table,
            seed=self._options.seed,
            rate=self._options.rate,
        )
        if not self._fleet.until(lambda: is_well(self._port, "/health/ready"), timeout=_START_TIMEOUT, every=0.03):
            raise _late("the service")
        return resources

    def _serve(self, serve: Child, resources: Resources) -> None:
        """Returns once the service listens, on the next port if somebody took ours since it was found free."""
        while True:
            serve.go(environment=resources.environment() | self._service | {"SSE_PORT": str(self._port)})
            try:
                # Its own word: an answer on the port could be somebody else's.
                if not self._fleet.until(lambda: self._serving, timeout=_START_TIMEOUT):
                    raise _late("the service")
                return
            except ChildEnded as ended:
                if ended.child != "serve" or (port := first_free(self._port)) == self._port:
                    raise
                self._port = port
                serve = self._fleet.start("serve")

    def _announce(self, stack: ExitStack, resources: Resources) -> None:
        options = self._options
        base_url = f"http://{LOOPBACK}:{self._port}"
        demo = RunningDemo(os.getpid(), base_url, resources, options.seed, options.rate)
        try:
            stack.enter_context(announced(demo))
        except OSError as error:
            self._terminal.say(f"other commands will not find this demo: {error}")
        self._terminal.say(listing(base_url, resources.endpoint_url, options.rate, options.seed, options.port))

    def _watch(self) -> None:
        ends = math.inf if self._options.seconds is None else time.monotonic() + self._options.seconds
        while (left := ends - time.monotonic()) > 0:
            answer = ask(self._port, "/api/v2/stream/status")
            self._terminal.show(line(answer[1] if answer else None, self._first_hop))
            self._fleet.until(lambda: False, timeout=min(_TICK, left))

    def _log(self, child: str, log: Log) -> None:
        if child == "serve" and log.message == "serving":
            self._serving = True
        if self._options.verbose or not log.quiet:
            self._terminal.say(f"{child}: {log.text}")

    def _hear(self, what: str, said: Any) -> None:
        match what:
            case "resources":
                self._resources = Resources.from_json(said)
            case "first_hop":
                self._first_hop = said


def _late(who: str) -> _DemoError:
    return _DemoError(f"{who} was not ready within {_START_TIMEOUT:g} s; --verbose shows what it does")


def _indented(lines: list[str]) -> str:
    said = [read(each) for each in lines]
    text = "\n".join(each.text for each in said if isinstance(each, Log)) or "(it said nothing)"
    return textwrap.indent(text, "    ")
