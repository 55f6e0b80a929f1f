"""The limits and the status line of a recording."""

from __future__ import annotations

import logging
import math
import sys
import time

from streamer.local.status_line import StatusLine
from streamer.tools.record.recording import RecordingWriter
from streamer.tools.terminal.errors import DONE
from streamer.tools.terminal.limits import EndLimits
from streamer.tools.terminal.printable import printable
from streamer.tools.terminal.quantities import count_text, duration_text


class Session:
    """Writes lines to a recording until a limit, and shows a status line if standard error is a terminal."""

    def __init__(self, source: str, recording: RecordingWriter, limits: EndLimits) -> None:
        self._source = source
        self._recording = recording
        self._limits = limits
        self._began = time.monotonic()
        self._status = StatusLine(sys.stderr) if sys.stderr.isatty() else None

    @property
    def full(self) -> bool:
        """Whether the recording has the wanted number of lines."""
        return self._limits.reached(self._recording.lines)

    @property
    def left(self) -> float:
        """Seconds until the end of the recording; 0 at the end, infinity without a limit."""
        if self.full:
            return 0.0
        ends = math.inf if self._limits.seconds is None else self._began + self._limits.seconds
        return max(0.0, ends - time.monotonic())

    def add(self, line: str) -> None:
        """Writes a line, unless the limit is reached."""
        if not self.full:
            self._recording.add(line)

    def show(self) -> None:
        if self._status is not None:
            self._status.update(printable(f"recording {self._source}: {self._totals()}; Ctrl-C ends it"))

    def print(self, text: str) -> None:
        """Prints a line above the status line."""
        text = printable(text)
        if self._status is not None:
            self._status.print(text)
        else:
            sys.stderr.write(f"{text}\n")

    def end(self) -> int:
        """Prints the totals and returns the exit code."""
        if self._status is not None:
            self._status.update("")
        self.print(f"recorded {self._source}: {self._totals()}, in {self._recording.path}")
        return DONE

    def _totals(self) -> str:
        lasted = duration_text(time.monotonic() - self._began)
        return f"{count_text(self._recording.lines, 'line')}, {self._recording.bytes / 1000:,.1f} kB, {lasted}"


class SessionLogHandler(logging.Handler):
    """Prints logged warnings; omits a repetition of the last one."""

    def __init__(self, session: Session) -> None:
        super().__init__(logging.WARNING)
        self._session = session
        self._printed = ""

    def emit(self, record: logging.LogRecord) -> None:
        error = getattr(record, "error", "")
        text = f"{record.getMessage()}{f': {error}' if error else ''}"
        if text != self._printed:
            self._printed = text
            self._session.print(text)
