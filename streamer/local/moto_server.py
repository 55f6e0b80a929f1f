"""moto's server application on a socket that is already listening.

moto's own server (werkzeug) closes every connection. Kept open, a request takes a quarter less time and processor, and
a fast writer does not leave thousands of connections behind in TIME_WAIT.
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
    server = Server(listener, DomainDispatcherApplication(create_backend_app))
    with server:
        server.serve_forever()


class Server(ThreadingHTTPServer):
    """A thread for each connection; DynamoDB's requests one at a time."""

    daemon_threads = True

    def __init__(self, listener: socket, app: App) -> None:
        super().__init__(listener.getsockname()[:2], _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.app = app
        # moto numbers a stream record by counting those before it: two writers at once could get the same number.
        self.dynamodb = threading.Lock()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in the middle is no news; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    """One connection: each request is read whole, given to the WSGI application, and answered in one write."""

    protocol_version = "HTTP/1.1"
    wbufsize = 1 << 20  # head and body leave together: http.server flushes after each answer
    disable_nagle_algorithm = True
    server: Server

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
            answer[:] = [status, headers]

        try:
            with self._turn():
                content = b"".join(self.server.app(self._environ(body), start_response))
            status, headers = answer
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

    do_GET = do_POST = _answer  # noqa: N815 - http.server's spelling

    def _turn(self) -> AbstractContextManager[Any]:
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
        """Says nothing: the demo's terminal is no access log."""
