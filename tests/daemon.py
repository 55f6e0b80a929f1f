"""An X-Ray daemon for tests: a UDP socket on loopback that keeps what comes.

https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
"""

from __future__ import annotations

import atexit
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

HEADER = {"format": "json", "version": 1}
ROOT = "1-6a1f0b2c-0123456789abcdef01234567"
PARENT = "53995c3f42cd8ad8"


def trace(sampled: str = "1", *, root: str = ROOT, parent: str = PARENT) -> str:
    """A tracing header, as Lambda writes it."""
    return f"Root={root};Parent={parent};Sampled={sampled};Lineage=1:a87bd80c:0"


class Daemon:
    """Receives datagrams; each is one document."""

    def __init__(self, receiving: socket.socket) -> None:
        self._receiving = receiving
        host, port = receiving.getsockname()
        self.address = f"{host}:{port}"

    def documents(self) -> list[dict[str, Any]]:
        """What has come so far: a datagram is there when `sendto` has returned."""
        found: list[dict[str, Any]] = []
        while True:
            try:
                datagram = self._receiving.recv(65_536)
            except BlockingIOError:
                return found
            header, _, document = datagram.partition(b"\n")
            assert json.loads(header) == HEADER
            found.append(json.loads(document))


@atexit.register
def _close_the_sdks_socket() -> None:
    """The SDK opens one when it is loaded, and never closes it: a warning, if that is what warnings are."""
    sdk = sys.modules.get("aws_xray_sdk.core")
    if sdk is not None:
        sdk.xray_recorder.emitter._socket.close()


@contextmanager
def listening() -> Iterator[Daemon]:
    """A daemon on a free port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiving:
        receiving.bind(("127.0.0.1", 0))
        receiving.setblocking(False)
        yield Daemon(receiving)
