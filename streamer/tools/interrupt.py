"""Ctrl-C, heard where nothing is left half done: between two pieces of work, and at once while a command only waits."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_LONGEST_NAP: Final = 86_400.0
"""Seconds; the system's sleep refuses some hundred years at once."""


class Interrupted(Exception):
    """Somebody asked the command to end."""


class Interrupt:
    """`with Interrupt() as interrupt:` hears SIGINT and SIGTERM; in the main thread only. A second one is a
    KeyboardInterrupt, wherever it comes."""

    def __init__(self, nap: Callable[[float], None] = time.sleep) -> None:
        self.asked = False
        self._waiting = False
        self._nap = nap
        self._before: list[Any] = []

    def __enter__(self) -> Self:
        self._before = [signal.signal(number, self._ask) for number in _SIGNALS]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for number, handler in zip(_SIGNALS, self._before, strict=True):
            signal.signal(number, handler)

    def check(self) -> None:
        """Raises Interrupted if somebody asked."""
        if self.asked:
            raise Interrupted

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Nothing is lost if this block is cut off: raises Interrupted as soon as somebody asks."""
        before, self._waiting = (
            self._waiting,
            True,
        )  # before the check: who asks between the two is heard by one of them
        try:
            self.check()
            yield
        finally:
            self._waiting = before

    def sleep(self, length: float) -> None:
        """Waits so many seconds. Raises Interrupted."""
        with self.waiting():
            while length > 0:
                self._nap(min(length, _LONGEST_NAP))
                length -= _LONGEST_NAP

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True
        if self._waiting:
            raise Interrupted
