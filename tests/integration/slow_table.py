"""A DynamoDB that never answers who reads pages of the newest items, and everybody else at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast


class SlowTable(ThreadingHTTPServer):
    """Its `endpoint` is for AWS_ENDPOINT_URL."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.endpoint = f"http://127.0.0.1:{self.server_port}"
        self.go = threading.Event()
        self.held = 0
        """Pages that were asked for."""
        self.lock = threading.Lock()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that has gone is what it is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        table = cast(SlowTable, self.server)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if request.get("ScanIndexForward") is False and "IndexName" in request:
            with table.lock:
                table.held += 1
            table.go.wait()
        body = json.dumps({"Items": [], "Count": 0, "ScannedCount": 0}).encode()
        with suppress(OSError):
            self.send_response(200)
            self.send_header("Content-Type", "application/x-amz-json-1.0")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def slow_table() -> Iterator[SlowTable]:
    """Until the block ends; then what is held is answered."""
    with SlowTable() as table:
        serving = threading.Thread(target=table.serve_forever, name="slow-table")
        serving.start()
        try:
            yield table
        finally:
            table.go.set()
            table.shutdown()
            serving.join()
