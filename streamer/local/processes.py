"""Manages the demo's child processes. One queue receives their output, their exit codes and the signals to the demo."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Final

from streamer.local.child import Child
from streamer.local.log_line import LogLine, parse_line

_STOP_WITHIN: Final = 2.5
"""Number of seconds after which children that have not ended are killed."""


@dataclass(frozen=True, slots=True)
class _Ended:
    part: str
    code: int


class DemoInterrupted(Exception):
    """The demo received a signal to end."""


class ChildEnded(Exception):
    """A child ended unexpectedly."""

    def __init__(self, part: str, code: int, last_lines: list[str]) -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        super().__init__(f"{part} {how}")
        self.part = part
        self.last_lines = last_lines


class Processes:
    """Starts children, receives their output, and ends them in the order given to `stop`. Not thread-safe.

    `wait_for` calls `on_log` with each line of output.
    """

    def __init__(self, on_log: Callable[[str, LogLine], None]) -> None:
        self._on_log = on_log
        self._inbox: SimpleQueue[tuple[str, LogLine] | _Ended | int] = SimpleQueue()
        self._children: dict[str, Child] = {}

    def line(self, part: str, line: str) -> None:
        """Receives a line of output. Called in a child's thread."""
        self._inbox.put((part, parse_line(line)))

    def ended(self, part: str, code: int) -> None:
        """Receives an exit code. Called in a child's thread."""
        self._inbox.put(_Ended(part, code))

    def add(self, part: str, child: Child) -> None:
        """Adds a child that was created with this object as its listener."""
        self._children[part] = child

    def start(self, part: str, *options: str) -> Child:
        """Starts a child and adds it."""
        child = Child(part, *options, listener=self)
        self.add(part, child)
        return child

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Handles SIGINT, SIGTERM and SIGHUP inside this context. A second signal kills the children."""
        asked = False

        def ask(number: int, frame: FrameType | None) -> None:
            nonlocal asked
            if asked:
                self.kill()
            asked = True
            self._inbox.put(number)

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [(number, signal.signal(number, ask)) for number in numbers]
        try:
            yield
        finally:
            for number, handler in before:
                signal.signal(number, handler)

    def wait_for(self, condition: Callable[[], bool], *, timeout: float, every: float | None = None) -> bool:
        """Processes the output of children until the condition is true. Returns False after `timeout` seconds.

        Checks the condition after each line, and every `every` seconds. Raises DemoInterrupted after a signal, and
        ChildEnded.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._receive(left if every is None else min(every, left))
        return True

    def stop(self, *groups: tuple[str, ...]) -> None:
        """Ends the children group by group. Ignores parts that were not started."""
        deadline = time.monotonic() + _STOP_WITHIN
        for group in groups:
            children = [self._children[part] for part in group if part in self._children]
            for child in children:
                child.release()
            for child in children:
                child.stop(max(0.0, deadline - time.monotonic()))

    def kill(self) -> None:
        """Kills all children."""
        for child in self._children.values():
            child.kill()

    def _receive(self, timeout: float) -> None:
        try:
            received = self._inbox.get(timeout=timeout)
        except Empty:
            return
        match received:
            case (part, line):
                self._on_log(part, line)
            case _Ended(part, code):
                raise ChildEnded(part, code, list(self._children[part].last_lines))
            case int():
                raise DemoInterrupted
