"""Writes lines to a file descriptor in a thread, so that no other thread blocks on it.

A pipe that nobody reads accepts 64 KB; after that, a write blocks and would stop the event loop with all streams. Not
for a process that forks (the child has no thread) or that is frozen between requests (Lambda).
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final

_MAX_BYTES: Final = 1 << 20
_WRITE_BYTES: Final = 1 << 16  # maximum size of one write


class WriterOwner:
    """The owner of a writer. The writer's thread calls these methods; they must not block and not call the writer."""

    def notices(self, *, idle: bool, closed: bool) -> list[bytes]:
        """Returns additional lines to write now. `idle`: no other line waits. `closed`: this is the last call."""
        return []

    def next_notice(self) -> float | None:
        """Returns the seconds until the next call of `notices`; None: only after the next `put` or `wake`."""
        return None

    def failed(self, lines: Sequence[bytes], error: OSError, *, again: bool) -> None:
        """Called after a failed write; the lines are lost. `again`: the previous write failed too."""


class LineWriter:
    """Writes to a file descriptor, which the caller closes. The thread is a daemon thread.

    It does not use `sys.stdout` and `sys.stderr`: a blocked thread would hold their lock at interpreter shutdown, which
    aborts the process.
    """

    def __init__(self, descriptor: int, name: str, owner: WriterOwner, *, max_bytes: int = _MAX_BYTES) -> None:
        """`name`: the thread's name. `max_bytes`: maximum size of queued lines and lines that are being written."""
        self._descriptor = descriptor
        self._owner = owner
        self._max_bytes = max_bytes
        self._changed = threading.Condition()
        self._lines: deque[bytes] = deque()
        self._bytes = 0
        self._failing = False
        self._closed = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Starts the thread. Called once."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Number of queued lines."""
        return len(self._lines)

    @property
    def used(self) -> int:
        """Size of the queued lines and of those that are being written."""
        return self._bytes

    def put(self, line: bytes) -> bool:
        """Queues one or more lines. Returns False if the buffer is full or closed. Never blocks."""
        with self._changed:
            if self._closed or self._bytes + len(line) > self._max_bytes:
                return False
            self._lines.append(line)
            self._bytes += len(line)
            self._changed.notify_all()
        return True

    def wake(self) -> None:
        """Makes the thread call `notices`."""
        with self._changed:
            self._changed.notify_all()

    def flush(self, timeout: float) -> None:
        """Waits until all lines are written, for up to `timeout` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: not self._bytes, timeout)

    def close(self) -> None:
        """Rejects further lines; queued lines are still written. Does not wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        """Waits after `close` until the thread has ended. Returns False after `timeout` seconds."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while lines := self._next():
            text = b"".join(lines)
            try:
                self._write(text)
                self._failing = False
            except OSError as error:  # a full disk or a closed pipe; a later write may succeed
                again, self._failing = self._failing, True
                self._owner.failed(lines, error, again=again)
            with self._changed:
                self._bytes -= len(text)
                self._changed.notify_all()

    def _next(self) -> list[bytes]:
        """Waits for lines and returns them; an empty list after the last line of a closed writer."""
        with self._changed:
            while True:
                lines: list[bytes] = []
                size = 0
                while self._lines and size < _WRITE_BYTES:
                    lines.append(self._lines.popleft())
                    size += len(lines[-1])
                # After a failed write, a notice waits for the next line; alone it would be retried in a loop.
                if lines or not self._failing:
                    notices = self._owner.notices(idle=not lines, closed=self._closed and not self._lines)
                    self._bytes += sum(map(len, notices))
                    lines += notices
                if lines or self._closed:
                    return lines
                self._changed.wait(self._owner.next_notice())

    def _write(self, text: bytes) -> None:
        while text:
            try:
                text = text[os.write(self._descriptor, text) :]
            except BlockingIOError:  # another process that shares the pipe made it non-blocking
                select.select([], [self._descriptor], [])
