"""Lines on standard output that nobody has to read: a thread of their own writes them."""

from __future__ import annotations

import logging
import os
import queue
import select
import threading
from collections.abc import Iterable
from typing import Final

logger = logging.getLogger(__name__)

_MOST_WAITING: Final = 4
_STDOUT: Final = 1


class Outlet:
    """Writes lines to a file descriptor, which stays the caller's. Nobody waits for a reader that does not come: the
    thread alone does, and ends with the process.

    Past `sys.stdout`, whose lock a thread that waits would hold at the interpreter's end, which then aborts.
    """

    def __init__(self, descriptor: int = _STDOUT) -> None:
        self._descriptor = descriptor
        self._lines: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="metrics", daemon=True)

    def start(self) -> None:
        """Called once, before the first line."""
        self._thread.start()

    def ready(self) -> bool:
        """Whether lines are still taken away; while they are not, more of them would only wait here."""
        return self._lines.qsize() < _MOST_WAITING

    def put(self, lines: Iterable[str]) -> None:
        """Has lines written, soon. Never blocks."""
        self._lines.put("".join(f"{line}\n" for line in lines).encode())

    def close(self, timeout: float) -> bool:
        """Waits so many seconds until everything is written. Returns whether it is."""
        if self._thread.ident is None:
            return True
        self._lines.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (text := self._lines.get()) is not None:
            try:
                self._write(text)
                self._failing = False
            except OSError as error:
                if not self._failing:  # once: a closed pipe stays closed
                    logger.warning("metrics cannot be written to stdout", extra={"error": str(error)})
                self._failing = True

    def _write(self, text: bytes) -> None:
        while text:
            try:
                text = text[os.write(self._descriptor, text) :]
            except BlockingIOError:  # whoever shares the other end made it so
                select.select([], [self._descriptor], [])
