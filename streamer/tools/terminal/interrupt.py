"""Defers Ctrl-C to a safe place: the end of a step, or at once while the command waits."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any, Final, Self

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)

_LONGEST_SLEEP: Final = 86_400.0
"""Seconds; time.sleep raises OverflowError for very large values."""


class Interrupted(Exception):
    """SIGINT or SIGTERM was received."""


class Interrupt:
    """Handles SIGINT and SIGTERM inside its context, in the main thread only. The first signal sets `asked`; a second
    one raises KeyboardInterrupt immediately."""

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
        """Raises Interrupted inside this context as soon as a signal arrives."""
        before = self._waiting
        self._waiting = True  # set before the check of `asked`, so that no signal is missed between the two
        try:
            if self.asked:
                raise Interrupted
            yield
        finally:
            self._waiting = before

    def sleep(self, length: float) -> None:
        """Sleeps `length` seconds. Raises Interrupted when a signal arrives."""
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
