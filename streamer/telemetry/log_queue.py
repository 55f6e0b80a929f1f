"""A logging handler that never blocks. A thread writes the lines; lines that do not fit into the buffer are dropped."""

from __future__ import annotations

import asyncio
import copy
import logging
import threading
from collections.abc import Sequence
from typing import Final

from streamer.telemetry.counters import Counters
from streamer.telemetry.line_rate import LineKind, LineRate
from streamer.telemetry.writer import LineWriter, WriterOwner

_STDERR: Final = 2
_FLUSH_TIMEOUT: Final = 1.0
_NOTICE_INTERVAL: Final = 1.0  # seconds between two reports of suppressed lines
_COUNT_INTERVAL: Final = 1.0
_LONGEST_KIND: Final = 200  # characters


class LogQueue(logging.Handler, WriterOwner):
    """Accepts records from any thread and keeps their order."""

    def __init__(self, descriptor: int = _STDERR, *, max_bytes: int = 1 << 20, rate: LineRate | None = None) -> None:
        """The caller closes the descriptor. `max_bytes`: size of the buffer."""
        super().__init__()
        self.max_bytes = max_bytes
        self.dropped = 0
        """Number of lines that were dropped since start."""
        self._rate = LineRate() if rate is None else rate
        self._state = threading.Lock()
        self._dropped = 0  # dropped lines that are not reported yet
        self._reporting = 0  # dropped lines that the notice being written reports
        self._writer = LineWriter(descriptor, "logs", self, max_bytes=max_bytes)
        self._writer.start()

    @property
    def waiting(self) -> tuple[int, int]:
        """Number of queued lines, and the bytes of the buffer that are used."""
        return self._writer.waiting, self._writer.used

    def emit(self, record: logging.LogRecord) -> None:
        """Queues a line. Drops a record that cannot be formatted: `logging` would report it with a blocking write."""
        with self._state:
            suppressed = self._rate.admit(LineKind(record.name, record.levelno, str(record.msg)[:_LONGEST_KIND]))
        if suppressed is None:
            return
        try:
            fits = self._writer.put(self._line(record, repeated=suppressed) if suppressed else self._line(record))
        except Exception:
            fits = False
        if not fits:
            self._drop(1)
            self._writer.wake()

    def flush(self) -> None:
        """Waits until all lines are written, for up to a second."""
        self._writer.flush(_FLUSH_TIMEOUT)

    def close(self) -> None:
        """Does not wait. The thread still writes the queued lines."""
        self._writer.close()
        super().close()

    def join(self, timeout: float) -> bool:
        """Waits after `close` until the thread has ended. Returns False after `timeout` seconds."""
        return self._writer.join(timeout)

    async def count_dropped(self, counters: Counters) -> None:
        """Adds the dropped lines to `log_lines_dropped` each second, and once more when it is cancelled."""
        counted = 0
        while True:
            try:
                await asyncio.sleep(_COUNT_INTERVAL)
            finally:
                dropped = self.dropped
                counters.add("log_lines_dropped", dropped - counted)
                counted = dropped

    def notices(self, *, idle: bool, closed: bool) -> list[bytes]:
        """Returns lines that report the suppressed lines of each kind and the number of dropped lines."""
        with self._state:
            due = self._rate.due(at_end=closed) if idle or closed else []
            self._reporting, self._dropped = self._dropped, 0
        lines = [self._line(_record(kind), repeated=count) for kind, count in due]
        if self._reporting:
            record = _record(LineKind(__name__, logging.WARNING, "log lines dropped"))
            lines.append(self._line(record, dropped=self._reporting))
        return lines

    def next_notice(self) -> float | None:
        with self._state:
            return _NOTICE_INTERVAL if self._rate.has_suppressed else None

    def failed(self, lines: Sequence[bytes], error: OSError, *, again: bool) -> None:
        """Counts the lines as dropped. The next notice repeats the count of a lost notice."""
        with self._state:
            reported, self._reporting = self._reporting, 0
            self._dropped += reported
        self._drop(len(lines) - bool(reported))

    def _line(self, record: logging.LogRecord, **members: object) -> bytes:
        if members:
            record = copy.copy(record)  # other handlers use the same record
            vars(record).update(members)
        return (self.format(record) + "\n").encode(errors="backslashreplace")

    def _drop(self, lines: int) -> None:
        with self._state:
            self._dropped += lines
            self.dropped += lines


def _record(kind: LineKind) -> logging.LogRecord:
    return logging.LogRecord(kind.logger, kind.level, "", 0, kind.message, None, None)
