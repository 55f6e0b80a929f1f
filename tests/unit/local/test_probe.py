"""The demo asks the service how it is, and takes no answer for one."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from streamer.local.ports import listener
from streamer.local.probe import get_json, is_ready


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """A server of one request."""

    def serve(sock: socket.socket) -> None:
        connection, _ = sock.accept()
        with connection:
            connection.recv(4096)
            connection.sendall(answer)

    with listener() as sock:
        thread = threading.Thread(target=serve, args=(sock,))
        thread.start()
        yield sock.getsockname()[1]
        thread.join()


def http(status: str, body: bytes) -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def test_an_answer_is_given_back() -> None:
    with answering(http("200 OK", b'{"a": 1}')) as port:
        assert get_json(port, "/") == (200, {"a": 1})


def test_a_service_that_is_not_ready_is_not_well() -> None:
    with answering(http("503 Service Unavailable", b"{}")) as port:
        assert not is_ready(port, "/")
    with answering(http("200 OK", b"{}")) as port:
        assert is_ready(port, "/")


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", http("200 OK", b"<html>")])
def test_what_is_no_answer_in_json_is_none(answer: bytes) -> None:
    with answering(answer) as port:
        assert get_json(port, "/") is None


def test_nobody_there_is_none() -> None:
    with listener() as sock:
        port = sock.getsockname()[1]
    assert get_json(port, "/") is None
