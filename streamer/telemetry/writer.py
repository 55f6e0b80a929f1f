"""Writes lines in a thread of its own, so that no other thread waits for a reader.

An unread pipe holds 64 KB; then a write to it blocks, and would block the event loop with every stream. Not
for a process that forks or is frozen between two requests (Lambda): there the thread would be missing, or asleep.
"""

from __future__ import annotations

import os
import select
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

_MAX_BYTES: Final = 1 << 20
_AT_ONCE: Final = 1 << 16  # bytes of one write


class Owner(Protocol):
    """The owner of a writer. Called in the writer's thread; must not block, nor call the writer."""

    def notices(self, *, idle: bool, closed: bool) -> list[bytes]:
        """Lines of the owner, to be written now. `idle`: no other line waits. `closed`: this is the last call."""

    def next_notice(self) -> float | None:
        """Seconds until there may be such a line; None: not before another line is put, or `wake`."""

    def failed(self, lines: Sequence[bytes], error: OSError, *, again: bool) -> None:
        """Lines could not be written and are lost. `again`: the write before failed too."""


class LineWriter:
    """Writes to a file descriptor, which stays the caller's; the thread ends with the process.

    It bypasses `sys.stdout` and `sys.stderr`: a thread that blocks would hold their lock at the end of the interpreter,
    which then aborts.
    """

    def __init__(self, descriptor: int, name: str, owner: Owner, *, max_bytes: int = _MAX_BYTES) -> None:
        """`name`: of the thread. `max_bytes`: of lines that wait or are being written."""
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
        """Called once."""
        self._thread.start()

    @property
    def waiting(self) -> int:
        """How many lines wait."""
        return len(self._lines)

    def put(self, line: bytes) -> bool:
        """Queues one line, or several in one piece. Returns False without room, or after `close`. Never blocks."""
        with self._changed:
            if self._closed or self._bytes + len(line) > self._max_bytes:
                return False
            self._lines.append(line)
            self._bytes += len(line)
            self._changed.notify_all()
        return True

    def wake(self) -> None:
        """Makes the thread ask for notices."""
        with self._changed:
            self._changed.notify_all()

    def flush(self, timeout: float) -> None:
        """Waits until all is written, `timeout` seconds at most."""
        with self._changed:
            self._changed.wait_for(lambda: not self._bytes, timeout)

    def close(self) -> None:
        """Takes no more lines; those that wait are still written. Does not wait."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def join(self, timeout: float) -> bool:
        """After `close`: waits until the thread has ended. Returns whether it has, or was never started."""
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while lines := self._next():
            text = b"".join(lines)
            try:
                self._write(text)
                self._failing = False
            except OSError as error:  # a full disk, a closed pipe: the next line may succeed
                again, self._failing = self._failing, True
                self._owner.failed(lines, error, again=again)
            with self._changed:
                self._bytes -= len(text)
                self._changed.notify_all()

    def _next(self) -> list[bytes]:
        """The lines to write now; empty: the end."""
        with self._changed:
            while True:
                lines: list[bytes] = []
                size = 0
                while self._lines and size < _AT_ONCE:
                    lines.append(self._lines.popleft())
                    size += len(lines[-1])
                # While writes fail, a notice alone would only be tried again and again.
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
            except BlockingIOError:  # a process that shares the other end made it non-blocking
                select.select([], [self._descriptor], [])
