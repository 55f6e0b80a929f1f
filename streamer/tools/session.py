"""One recording under way: its limits, and what is said of it."""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

from streamer.local.terminal import Terminal
from streamer.tools.duration import clock as in_words
from streamer.tools.ending import DONE
from streamer.tools.printable import printable
from streamer.tools.recording import Recorder


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end: after so many seconds, after so many lines; None for no limit."""

    seconds: float | None = None
    count: int | None = None


class Session:
    """One recording under way: its file, its limits, and the line that says how it goes."""

    def __init__(
        self,
        what: str,
        recorder: Recorder,
        limits: Limits,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.now_ms = wall_ms
        self._what = what
        self._recorder = recorder
        self._limits = limits
        self._clock = clock
        self._began = clock()
        self._terminal = Terminal(sys.stderr) if sys.stderr.isatty() else None

    @property
    def full(self) -> bool:
        """Whether there are as many lines as were wanted."""
        return self._limits.count is not None and self._recorder.lines >= self._limits.count

    @property
    def left(self) -> float:
        """Seconds until the end; 0 if it is there."""
        if self.full:
            return 0.0
        ends = math.inf if self._limits.seconds is None else self._began + self._limits.seconds
        return max(0.0, ends - self._clock())

    def add(self, line: str) -> None:
        """Writes a line, unless there are enough."""
        if not self.full:
            self._recorder.add(line)

    def show(self) -> None:
        """Brings the progress line up to date."""
        if self._terminal is not None:
            self._terminal.show(printable(f"recording {self._what}: {self._words()}; Ctrl-C ends it"))

    def say(self, text: str) -> None:
        """Says something that stays."""
        text = printable(text)
        if self._terminal is not None:
            self._terminal.say(text)
        else:
            sys.stderr.write(f"{text}\n")

    def end(self) -> int:
        """Says what there is; the exit code."""
        if self._terminal is not None:
            self._terminal.show("")
        self.say(f"recorded {self._what}: {self._words()}, in {self._recorder.path}")
        return DONE

    def _words(self) -> str:
        lines, size = self._recorder.lines, self._recorder.bytes
        return (
            f"{lines:,} line{'' if lines == 1 else 's'}, {size / 1000:,.1f} kB, {in_words(self._clock() - self._began)}"
        )


class Said(logging.Handler):
    """Says what the parts log as warnings; the same words once."""

    def __init__(self, session: Session) -> None:
        super().__init__(logging.WARNING)
        self._session = session
        self._said = ""

    def emit(self, record: logging.LogRecord) -> None:
        """One line, unless it is the last one again."""
        error = getattr(record, "error", "")
        words = f"{record.getMessage()}{f': {error}' if error else ''}"
        if words != self._said:
            self._said = words
            self._session.say(words)
