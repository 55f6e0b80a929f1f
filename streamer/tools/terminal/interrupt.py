"""Ctrl-C takes effect where nothing is left half done: between two steps, and at once while a command waits."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_LONGEST_SLEEP: Final = 86_400.0
"""Seconds; the system's sleep refuses a hundred years."""


class Interrupted(Exception):
    """The command was asked to end."""


class Interrupt:
    """`with Interrupt() as interrupt:` handles SIGINT and SIGTERM, in the main thread only. A second signal raises
    KeyboardInterrupt at any place."""

    def __init__(self, sleep: Callable[[float], None] = time.sleep) -> None:
        self.asked = False
        self._waiting = False
        self._sleep = sleep
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before = [signal.signal(number, self._ask) for number in _SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in zip(_SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A block that may be cut off: raises Interrupted at once when a signal comes."""
        before = self._waiting
        self._waiting = True  # before the check, so that a signal between the two is not missed
        try:
            if self.asked:
                raise Interrupted
            yield
        finally:
            self._waiting = before

    def sleep(self, length: float) -> None:
        """Sleeps that many seconds. Raises Interrupted."""
        with self.waiting():
            while length > 0:
                self._sleep(min(length, _LONGEST_SLEEP))
                length -= _LONGEST_SLEEP

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self._waiting:
            raise Interrupted
