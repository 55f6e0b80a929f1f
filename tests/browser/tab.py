"""One open tab of a stock browser, for tests that are the same in each.

No driver: the page in it (tab.js) asks this server for programs and posts what came of them. It is of another origin
than the servers that are tested, as a page is that imports the client from elsewhere.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

SCRIPT = Path(__file__).with_name("tab.js")
PAGE = b'<!doctype html><meta charset="utf-8"><title>tab</title><script type="module" src="/tab.js"></script>'
STARTS = 60.0
ANSWERS = 25.0
"""Watchdogs, in seconds: never waited out unless something is broken."""


class Tab:
    """Runs programs in the page; `tab` in them is the object of tab.js."""

    def __init__(self, server: _Server) -> None:
        self._server = server
        self._limit = STARTS
        self._number = 0

    def run(self, program: str) -> Any:
        """The value that an async function with this body returns. AssertionError with what it threw."""
        self._number += 1
        self._server.programs.put({"number": self._number, "text": program})
        answer: dict[str, Any] = {"number": 0}
        while answer["number"] != self._number:  # one of before may answer late
            try:
                answer = self._server.answers.get(timeout=self._limit)
            except queue.Empty:
                raise AssertionError(f"no answer: {program}") from None
        self._limit = ANSWERS
        assert "error" not in answer, f"{answer['error']}in: {program}"
        return answer.get("value")

    def value(self, expression: str) -> Any:
        """The value of an expression."""
        return self.run(f"return {expression};")

    def open(self, url: str, options: str = "{}") -> None:
        """Opens a stream with the client of the same server, in place of the one before."""
        self.run(f"await tab.open({json.dumps(url)}, {options});")

    def until(self, condition: str) -> Any:
        """Returns the expression's value once it is true."""
        return self.run(f"return await tab.until(() => {condition});")


class _Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.programs: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/next":
            program = cast(_Server, self.server).programs.get()
            if program is not None:
                self._answer("application/json", json.dumps(program).encode())
        elif self.path == "/tab.js":
            self._answer("text/javascript; charset=utf-8", SCRIPT.read_bytes())
        else:
            self._answer("text/html; charset=utf-8", PAGE if self.path == "/" else b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        cast(_Server, self.server).answers.put(json.loads(body))
        self._answer("text/plain", b"")

    def _answer(self, content_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """A test's output is its assertions."""


@contextmanager
def opened(command: Callable[[Path, str], list[str]], folder: Path) -> Iterator[Tab]:
    """A browser with one tab, until the block ends; its profile and what it says go into the folder."""
    with _Server() as server, (folder / "said").open("wb") as said:
        arguments = command(folder / "profile", f"http://127.0.0.1:{server.server_port}/")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        process = subprocess.Popen(
            arguments, stdout=said, stderr=said, env={**os.environ, "HOME": str(folder)}, start_new_session=True
        )
        try:
            yield Tab(server)
        finally:
            os.killpg(process.pid, signal.SIGKILL)  # the browser's own children are in its group
            process.wait()
            server.programs.put(None)
            server.shutdown()
            thread.join()
