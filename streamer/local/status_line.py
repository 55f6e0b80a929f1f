"""A status line that is updated in place, with other lines above it."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from typing import Final, TextIO

_CLEAR: Final = "\r\x1b[2K"
_PLAIN_INTERVAL: Final = 10.0


class StatusLine:
    """Writes to `out`. Thread-safe. If `out` is not a terminal, the status is a normal line every ten seconds."""

    def __init__(self, out: TextIO, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._out = out
        self._clock = clock
        self._live = out.isatty()
        self._shown = ""
        self._next_plain = clock() + _PLAIN_INTERVAL
        self._lock = threading.Lock()

    def print(self, text: str) -> None:
        """Writes text above the status line."""
        with self._lock:
            self._out.write(f"{_CLEAR if self._shown else ''}{text}\n{self._shown}")
            self._out.flush()

    def update(self, text: str) -> None:
        with self._lock:
            if self._live:
                columns = shutil.get_terminal_size().columns
                self._shown = text if len(text) < columns else text[: max(0, columns - 2)] + "…"
                self._out.write(f"{_CLEAR}{self._shown}")
            elif self._clock() >= self._next_plain:
                self._next_plain = self._clock() + _PLAIN_INTERVAL
                self._out.write(f"{text}\n")
            self._out.flush()

    def close(self) -> None:
        """Ends the status line with a line feed, so that further output starts on a new line."""
        with self._lock:
            if self._shown:
                self._out.write("\n")
                self._shown = ""
                self._out.flush()
