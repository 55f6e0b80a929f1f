"""An HTTP server on loopback that answers as a test says, and keeps what it was sent."""

from __future__ import annotations

import ssl
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

OK = b"{}"


@dataclass
class Said:
    """One answer: a status, headers and a body; or a cut connection, or silence."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = OK
    length: int | None = None
    """What `Content-Length` says, if not the body's own."""
    silent: bool = False
    cut: bool = False
    closes: bool = False
    """Whether the server closes the connection afterwards without having said so."""


@dataclass(frozen=True)
class Heard:
    """One request."""

    path: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    client: tuple[str, int]
    """The connection it came by."""


class Stub:
    """Answers with `answers` one after the other, then with `{}`."""

    def __init__(self) -> None:
        self.answers: deque[Said] = deque()
        self.heard: list[Heard] = []
        self.url = ""
        self.echoes = False
        """Whether the answer is the request's body."""
        self.over = threading.Event()

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.heard.append(Heard(request.path, headers, body, request.client_address))
        said = self.answers.popleft() if self.answers else Said(body=body if self.echoes else OK)
        if said.silent:
            self.over.wait()
        if said.silent or said.cut:
            request.close_connection = True
            return
        request.send_response(said.status)
        for name, value in said.headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(said.body) if said.length is None else said.length))
        request.end_headers()
        request.wfile.write(said.body)
        if said.closes or said.length is not None:
            request.close_connection = True


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


@contextmanager
def stub(certificate: str | None = None) -> Iterator[Stub]:
    """`certificate`: a PEM file with certificate and key; then the server speaks TLS."""
    made = Stub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            made.handle(self)

        def log_message(self, *_: object) -> None: ...

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:  # the client went, or refused the certificate
                self.close_connection = True

    server = _Server(("127.0.0.1", 0), Handler)
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    scheme = "http" if certificate is None else "https"
    made.url = f"{scheme}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()
        thread.join()
