"""A process that logs lines of JSON, from its start to SIGTERM."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Self

from tests.watchdog import WATCHDOG


class Process:
    """`with Process(command, environment) as process:` starts it; what is left of it at the end is killed."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            command, env=dict(environment), stderr=subprocess.PIPE, text=True, process_group=0
        )
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.pid = self._process.pid
        self.log: list[str] = []

    def line(self, message: str) -> dict[str, Any]:
        """The next line with this message; AssertionError with all it said if it ended before."""
        while (text := self._lines.get(timeout=WATCHDOG)) is not None:
            self.log.append(text)
            logged: dict[str, Any] = json.loads(text) if text.startswith("{") else {}
            if logged.get("message") == message:
                return logged
        raise AssertionError(f"ended without saying {message!r}: {self.log}")

    def wait(self) -> int:
        """Its exit code."""
        return self._process.wait(WATCHDOG)

    def stop(self) -> int:
        """SIGTERM; its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(ProcessLookupError):  # a child that was left behind would hold the pipe open
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()
        self._reader.join()
        assert self._process.stderr is not None
        self._process.stderr.close()

    def _read(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
