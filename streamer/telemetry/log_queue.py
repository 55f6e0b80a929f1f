"""Log lines that nobody has to read: a thread of their own writes them, and what does not fit is dropped and counted.

A pipe that nobody reads holds 64 KB; then a write to it waits for ever, and a handler that writes itself would hold up
the event loop, and with it every stream. Not for a process that forks, or that is frozen between two requests (Lambda):
there the thread would be missing, or asleep.
"""

from __future__ import annotations

import copy
import logging
import os
import select
import threading
from collections import deque
from typing import Final

from streamer.telemetry.line_rate import Kind, LineRate

_STDERR: Final = 2
_MOST_BYTES: Final = 1 << 20
_AT_ONCE: Final = 1 << 16  # bytes of one write
_LAST_WORDS: Final = 1.0  # seconds that an end waits for a reader
_SAY_AGAIN: Final = 1.0  # seconds between two looks at what was left out
_LONGEST_KIND: Final = 200  # characters


class LogQueue(logging.Handler):
    """Takes records of any thread, in their order, and never waits.

    Lines go past `sys.stderr`, whose lock a thread that waits would hold at the interpreter's end, which then aborts.
    """

    def __init__(
        self, descriptor: int = _STDERR, *, most_bytes: int = _MOST_BYTES, rate: LineRate | None = None
    ) -> None:
        """The descriptor stays the caller's. `most_bytes`: of lines that wait."""
        super().__init__()
        self.dropped = 0
        """Lines that were dropped so far."""
        self._descriptor = descriptor
        self._most_bytes = most_bytes
        self._rate = LineRate() if rate is None else rate
        self._turn = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._bytes = 0  # of the lines that wait, or are being written
        self._untold = 0  # lines that were dropped, and no line has said so
        self._failing = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Takes a line. What cannot be formatted is dropped: `logging` would write about it itself, and wait."""
        with self._turn:
            left_out = self._rate.admit(Kind(record.name, record.levelno, str(record.msg)[:_LONGEST_KIND]))
        if left_out is None:
            return
        try:
            line = self._line(record, repeated=left_out) if left_out else self._line(record)
        except Exception:
            self._drop()
            return
        with self._turn:
            fits = self._bytes + len(line) <= self._most_bytes and not self._closed
            if fits:
                self._add(line)
                self._turn.notify_all()
        if not fits:
            self._drop()

    def flush(self) -> None:
        """Waits until all is written, a second at most."""
        with self._turn:
            self._turn.wait_for(lambda: not self._bytes, _LAST_WORDS)

    def close(self) -> None:
        """What is there is still written, if somebody reads. Does not wait."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        super().close()

    def join(self, timeout: float) -> bool:
        """After `close`: waits until the thread has ended. Returns whether it has."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _line(self, record: logging.LogRecord, **members: object) -> bytes:
        if members:
            record = copy.copy(record)  # others have the same one
            vars(record).update(members)
        return (self.format(record) + "\n").encode(errors="backslashreplace")

    def _add(self, line: bytes) -> None:
        self._lines.append(line)
        self._bytes += len(line)

    def _drop(self, lines: int = 1) -> None:
        with self._turn:
            self._untold += lines
            self.dropped += lines
            self._turn.notify_all()

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            text, lines, told = taken
            try:
                self._write(text)
                self._failing = False
            except OSError:  # a full disk, a closed pipe: the next line may fare better
                self._failing = True
                with self._turn:
                    self._untold += told
                self._drop(lines)
            with self._turn:
                self._bytes -= len(text)
                self._turn.notify_all()

    def _next(self) -> tuple[bytes, int, int] | None:
        """What is to be written, how many lines it is, and how many dropped ones it speaks of; None: the end."""
        with self._turn:
            while not self._lines:
                self._say_left_out()
                if self._lines or (self._untold and not self._failing):
                    break
                if self._closed:
                    return None
                self._turn.wait(_SAY_AGAIN if self._rate.owes else None)
            text, lines = bytearray(), 0
            while self._lines and len(text) < _AT_ONCE:
                text += self._lines.popleft()
                lines += 1
            told, self._untold = self._untold, 0
            if told:
                said = _record(Kind(__name__, logging.WARNING, "log lines dropped"))
                line = self._line(said, dropped=told)
                text += line
                self._bytes += len(line)
            return bytes(text), lines, told

    def _say_left_out(self) -> None:
        for kind, count in self._rate.due(at_end=self._closed):
            self._add(self._line(_record(kind), repeated=count))

    def _write(self, text: bytes) -> None:
        while text:
            try:
                text = text[os.write(self._descriptor, text) :]
            except BlockingIOError:  # whoever shares the other end made it so
                select.select([], [self._descriptor], [])


def _record(kind: Kind) -> logging.LogRecord:
    return logging.LogRecord(kind.logger, kind.level, "", 0, kind.message, None, None)
