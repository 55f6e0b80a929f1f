"""The demo's children and what they say, in the order in which it happens."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from types import FrameType
from typing import Any, Final

from streamer.local.lines import Log, Tell, read
from streamer.local.process import Child

_STOP_WITHIN: Final = 2.5
"""Seconds that the children have, together; what is left of them then is killed."""


@dataclass(frozen=True, slots=True)
class _Said:
    child: str
    line: Log | Tell


@dataclass(frozen=True, slots=True)
class _Ended:
    child: str
    code: int


class Interrupted(Exception):
    """Somebody asked the demo to end."""


class ChildEnded(Exception):
    """A child ended that should not have."""

    def __init__(self, child: str, code: int, last_lines: list[str]) -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        super().__init__(f"{child} {how}")
        self.child = child
        self.last_lines = last_lines


class Fleet:
    """Starts children, hears them, and ends them in the order given to `stop`. For one thread.

    `on_log` gets each line of log, `on_tell` everything else that a child says, while one of `until` and `watch` runs:
    each raises Interrupted after SIGINT, SIGTERM or SIGHUP, and ChildEnded.
    """

    def __init__(self, on_log: Callable[[str, Log], None], on_tell: Callable[[str, Any], None]) -> None:
        self._on_log = on_log
        self._on_tell = on_tell
        self._inbox: SimpleQueue[_Said | _Ended | int] = SimpleQueue()
        self._children: dict[str, Child] = {}

    def ears(self, name: str) -> tuple[Callable[[str], None], Callable[[int], None]]:
        """`on_line` and `on_end` for a child that shall be heard under this name."""
        return (
            lambda line: self._inbox.put(_Said(name, read(line))),
            lambda code: self._inbox.put(_Ended(name, code)),
        )

    def add(self, name: str, child: Child) -> Child:
        """Takes charge of a child."""
        self._children[name] = child
        return child

    def start(self, role: str) -> Child:
        """Starts a child and takes charge of it."""
        on_line, on_end = self.ears(role)
        return self.add(role, Child(role, on_line=on_line, on_end=on_end))

    @contextmanager
    def signals(self) -> Iterator[None]:
        """SIGINT, SIGTERM and SIGHUP are heard inside this context; a second one kills the children at once."""
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

    def until(self, condition: Callable[[], bool], *, timeout: float, every: float | None = None) -> bool:
        """Hears the children until the condition holds; False if it does not within `timeout` seconds.

        The condition is asked after each thing heard, and `every` so many seconds.
        """
        deadline = time.monotonic() + timeout
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            self._hear(left if every is None else min(every, left))
        return True

    def stop(self, *groups: tuple[str, ...]) -> None:
        """Ends the children group by group: all of one end at the same time. Those not started are left out."""
        deadline = time.monotonic() + _STOP_WITHIN
        for group in groups:
            children = [self._children[name] for name in group if name in self._children]
            for child in children:
                child.release()
            for child in children:
                child.stop(max(0.0, deadline - time.monotonic()))

    def kill(self) -> None:
        """Ends all children at once."""
        for child in self._children.values():
            child.kill()

    def _hear(self, timeout: float) -> None:
        try:
            heard = self._inbox.get(timeout=timeout)
        except Empty:
            return
        match heard:
            case _Said(child, Log() as log):
                self._on_log(child, log)
            case _Said(_, Tell(what, said)):
                self._on_tell(what, said)
            case _Ended(name, code):
                raise ChildEnded(name, code, list(self._children[name].last_lines))
            case int():
                raise Interrupted
