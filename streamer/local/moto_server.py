"""Serves moto's application on a listening socket, with persistent connections.

moto's server (werkzeug) closes each connection. With persistent connections, a request takes a quarter less time, and a
fast writer does not leave thousands of connections in TIME_WAIT.
"""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from streamer.local import moto_memory

logger = logging.getLogger(__name__)

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def serve(listener: socket) -> None:
    """Serves DynamoDB, its streams, SNS and SQS on `listener`, a bound and listening TCP socket. Never returns."""
    moto_memory.bound()
    server = MotoServer(listener, DomainDispatcherApplication(create_backend_app))
    with server:
        server.serve_forever()


class MotoServer(ThreadingHTTPServer):
    """Serves each connection in a thread. Processes DynamoDB requests one at a time."""

    daemon_threads = True

    def __init__(self, listener: socket, app: App) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.app = app
        # moto derives a sequence number from the number of records, so concurrent writes could get the same number.
        self.dynamodb = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores clients that disconnect; prints other errors."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """Reads each request completely, calls the WSGI application, and sends the response in one write."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 16  # sends head and body together; http.server flushes after each response. One for each connection
    disable_nagle_algorithm = True
    server: MotoServer

    def _respond(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        response: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            response[:] = [status, headers]

        try:
            with self._lock():
                content = b"".join(self.server.app(self._environ(body), start_response))
            status, headers = response
        except Exception:
            logger.exception("moto failed", extra={"target": self.headers.get("X-Amz-Target")})
            status, headers = "500 Internal Server Error", [("Content-Type", "application/json")]
            content = json.dumps({"__type": "InternalServerError", "message": "see moto's log"}).encode()
        code, _, reason = status.partition(" ")
        self.send_response_only(int(code), reason)
        for name, value in headers:
            if name.lower() != "content-length":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _respond  # noqa: N815 - http.server's spelling

    def _lock(self) -> AbstractContextManager[Any]:
        stateful = self.headers.get("X-Amz-Target", "").startswith("DynamoDB_")
        return self.server.dynamodb if stateful else nullcontext()

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        host, port = self.server.server_address[:2]
        environ = {
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            "wsgi.run_once": False,
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_URI": self.path,
            "RAW_URI": self.path,
            "REMOTE_ADDR": self.client_address[0],
            "SERVER_NAME": str(host),
            "SERVER_PORT": str(port),
            "SERVER_PROTOCOL": self.request_version,
        }
        for name, value in self.headers.items():
            key = name.upper().replace("-", "_")
            environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
        return environ

    def log_message(self, format: str, *args: Any) -> None:
        """Disables the access log."""
