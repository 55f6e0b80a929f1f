"""`streamer serve` as a process that a test kills, freezes and starts again on the same port."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from tests.hang import overheard
from tests.watchdog import WATCHDOG


class Service:
    """One service after another, all on the port that the first was given."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._process: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.log: list[str] = []
        self.port = 0

    @property
    def url(self) -> str:
        """Of the stream."""
        return f"http://127.0.0.1:{self.port}/api/v2/stream"

    def start(self, **environment: str) -> None:
        """Returns when it is ready."""
        process = self._process = subprocess.Popen(
            [sys.executable, "-m", "streamer.cli", "serve", "--port", str(self.port)],
            env={**os.environ, "SSE_POLL_INTERVAL": "0.5", **self._environment, **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        said: queue.Queue[dict[str, Any]] = queue.Queue()
        self._reader = threading.Thread(target=_read, args=(process, said, self.log))
        self._reader.start()
        while True:
            line = said.get(timeout=WATCHDOG)
            self.port = line.get("port", self.port)
            if line["message"] == "ready":
                return

    def send(self, number: signal.Signals) -> None:
        """To the running process."""
        assert self._process is not None
        self._process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGKILL) -> None:
        """Ends the running process, if one runs."""
        if self._process is None or self._reader is None:
            return
        self._process.send_signal(signal.SIGCONT)
        self._process.send_signal(number)
        self._reader.join()
        self._process.wait()
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._process = None


def _read(process: subprocess.Popen[str], said: queue.Queue[dict[str, Any]], log: list[str]) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        log.append(line)
        said.put(json.loads(line))


@contextmanager
def controlled(environment: Mapping[str, str]) -> Iterator[Service]:
    """Nothing runs yet; at the end nothing does."""
    service = Service(environment)
    try:
        with overheard("streamer serve", lambda: "".join(service.log)):
            yield service
    finally:
        service.end()
