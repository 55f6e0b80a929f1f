"""A busy port is answered with the next free one."""

from __future__ import annotations

import errno
import socket

import pytest

from streamer.local.ports import LOOPBACK, first_free, listener
from tests.watchdog import WATCHDOG


def two_busy_ports_in_a_row() -> tuple[socket.socket, socket.socket]:
    while True:
        first = listener()
        try:
            return first, socket.create_server((LOOPBACK, first.getsockname()[1] + 1))
        except OSError:
            first.close()


def test_a_free_port_is_taken_and_0_gives_any() -> None:
    with listener() as sock:
        port = sock.getsockname()[1]
    assert first_free(port) == port
    assert first_free(0) > 0


def test_busy_ports_are_passed_over() -> None:
    first, second = two_busy_ports_in_a_row()
    with first, second:
        assert first_free(first.getsockname()[1]) > second.getsockname()[1]


def test_no_free_port_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.local.ports._TRIES", 1)
    with listener() as sock, pytest.raises(OSError, match="all in use") as raised:
        first_free(sock.getsockname()[1])
    assert raised.value.errno == errno.EADDRINUSE


def test_who_connects_before_anybody_accepts_waits() -> None:
    with listener() as sock, socket.create_connection(sock.getsockname(), timeout=WATCHDOG) as early:
        early.sendall(b"early")
        accepted, _ = sock.accept()
        with accepted:
            assert accepted.recv(5) == b"early"
