"""What stands before a service in production: a gateway that passes bytes on, and answers 502 where nobody does."""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import cast

_BAD_GATEWAY = b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Gateway(socketserver.ThreadingTCPServer):
    """Each connection goes to the service's port; the answer is 502 while that refuses, or is None."""

    daemon_threads = False

    def __init__(self, port: int | None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.port = port
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.refused = threading.Event()
        """Set by each 502."""
        self.passing: list[socket.socket] = []

    def cut(self) -> None:
        """Ends what passes now, and answers 502 until there is a port again."""
        self.port = None
        for client in self.passing:
            with suppress(OSError):
                client.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: object, client_address: object) -> None:
        """Either side may go at any time."""


class _Handler(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        gateway, client = cast(Gateway, self.server), cast(socket.socket, self.request)
        service = _connected(gateway.port)
        if service is None:
            client.recv(65536)
            client.sendall(_BAD_GATEWAY)
            gateway.refused.set()
            return
        gateway.passing.append(client)
        with service:
            back = threading.Thread(target=_pass, args=(service, client))
            back.start()
            _pass(client, service)
            back.join()


def _connected(port: int | None) -> socket.socket | None:
    try:
        return socket.create_connection(("127.0.0.1", port)) if port is not None else None
    except ConnectionRefusedError:
        return None


def _pass(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def before(port: int) -> Iterator[Gateway]:
    """A gateway on a free port, until the block ends, and with it what passes."""
    with Gateway(port) as gateway:
        thread = threading.Thread(target=gateway.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield gateway
        finally:
            gateway.cut()
            gateway.shutdown()
            thread.join()
