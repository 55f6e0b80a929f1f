"""What connections were sent that once went wrong (tests/cases/edge), on a real socket: in one piece, byte by byte, and
in two parts; directly and behind real proxies, through which the whole table of hostile requests goes, too."""

from __future__ import annotations

import itertools
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import pytest

from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.local.users import CONFIGURATIONS
from tests.integration.hostile import MARK, OLDER, SECRET, TABLE, TICKET_SECRET, Hostile
from tests.integration.proxies import Behind, Proxy, proxied
from tests.integration.test_hostile import ALIVE, PEERS, Server, check
from tests.moto_in_process import moto_in_process
from tests.unit.server.fakes import answers
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine's on Linux alone")

CASES: Final = Path(__file__).parents[1] / "cases" / "edge"
RIGHT: Final = {
    "answered-then-crlf": [200],
    "no-host": [400],
    "trailer-identity": [401],
    "trailer-identity-get": [401],
    "unread-body": [413],
    "upgrade-body-is-a-request": [422],
    "upgrade-h2c-post": [201],
}
"""The answers, and then the end; of `slow-body` and of the stream see below."""
GRACES: Final = [each.name for each in CONFIGURATIONS if each.user_id == "grace"]

Connect = Callable[[bool], socket.socket]
"""A connection to the service, to the one with a gateway's secret or to the one that trusts the proxy's address."""


NUMBERS: Final = itertools.count(100)


def case(name: str) -> bytes:
    """The bytes; a configuration's name is each time another."""
    data = (CASES / f"{name}.http").read_bytes().replace(b"{secret}", SECRET.encode())
    return data.replace(b'"h2c"', b'"%d"' % next(NUMBERS))


def test_every_case_is_tested() -> None:
    names = {path.stem for path in CASES.glob("*.http")}
    assert names == {*RIGHT, "slow-body", "stream-then-half-a-request"}


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with moto_in_process() as url:
        yield provision(url, suffix="-edge")  # moto keeps one state for the whole process


@pytest.fixture(scope="module")
def servers(resources: Resources) -> Iterator[dict[bool, Server]]:
    common = resources.environment() | {
        "TRUSTED_PROXIES": PEERS["proxy"] + "/32",
        "TICKET_SECRET": TICKET_SECRET,
        "SSE_KEEP_ALIVE": "1",
        "SSE_HEARTBEAT_INTERVAL": "0.5",
        "SSE_MAX_PER_CLIENT": "50",
    }
    with ExitStack() as stack:
        made = {}
        for gateway in (False, True):
            made[gateway] = Server(common | ({"GATEWAY_SECRET": f"{OLDER},{SECRET}"} if gateway else {}))
            stack.callback(made[gateway].end)
        yield made
    for server in made.values():
        assert server.process.returncode == 0
        assert [line for line in server.log if line["level"] not in {"INFO", "WARNING"}] == []
        assert "Traceback" not in str(server.log)


@pytest.fixture
def direct(servers: dict[bool, Server]) -> Connect:
    def connect(gateway: bool) -> socket.socket:
        return socket.create_connection(("127.0.0.1", servers[gateway].port), WATCHDOG, (PEERS["proxy"], 0))

    return connect


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def behind(
    request: pytest.FixtureRequest, servers: dict[bool, Server], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    proxy: Proxy = request.param
    ports = {gateway: server.port for gateway, server in servers.items()}
    services = {
        **{f"{peer}-plain": Behind(ports[False], address) for peer, address in PEERS.items()},
        **{f"{peer}-secret": Behind(ports[True], address) for peer, address in PEERS.items()},
        "gateway": Behind(ports[True], PEERS["stranger"], SECRET),
    }
    with proxied(proxy, tmp_path_factory.mktemp(proxy), services) as sockets:
        yield {**sockets, "proxy": proxy}


def through(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(WATCHDOG)
    sock.connect(path)
    return sock


def turn(servers: dict[bool, Server]) -> None:
    """Returns when what was sent before has been read."""
    for server in servers.values():
        assert server.send(ALIVE).startswith(b"HTTP/1.1 200 ")


def deliver(sock: socket.socket, data: bytes, how: str, servers: dict[bool, Server]) -> None:
    try:
        if how == "byte by byte":
            if sock.family == socket.AF_INET:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in data:
                sock.sendall(bytes([byte]))
        elif how == "the last part later":
            head, end, rest = data.partition(b"\r\n\r\n")
            first, last = (head + end, rest) if rest else (data[:-4], data[-4:])
            sock.sendall(first)
            turn(servers)
            sock.sendall(last)
        else:
            sock.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # it was refused before it was sent to its end


def rest(sock: socket.socket) -> bytes:
    got = bytearray()
    try:
        while part := sock.recv(65_536):
            got += part
    except ConnectionResetError:
        pass
    return bytes(got)


HOW: Final = ["in one piece", "byte by byte", "the last part later"]


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", RIGHT)
def test_a_case_is_answered_right_and_the_connection_ends(
    servers: dict[bool, Server], direct: Connect, name: str, how: str
) -> None:
    data = case(name)
    with direct(SECRET.encode() in data) as sock:
        deliver(sock, data, how, servers)
        got = rest(sock)
    assert [status for status, _, _ in answers(got)] == RIGHT[name]
    assert not any(name.encode() in got for name in GRACES)
    assert all(headers["x-content-type-options"] == "nosniff" for _, headers, _ in answers(got))


@pytest.mark.slow("behind real proxies, or as long as a bound of the server")
def test_a_slow_body_is_given_up(servers: dict[bool, Server], direct: Connect) -> None:
    with direct(False) as sock:
        sock.sendall(case("slow-body"))
        assert [status for status, _, _ in answers(rest(sock))] == [408]


def heartbeats(sock: socket.socket, count: int) -> bytes:
    got = bytearray()
    while got.count(b"event: heartbeat") < count:
        part = sock.recv(65_536)
        assert part, bytes(got[-1000:])
        got += part
    return bytes(got)


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(4, id="at once"),
        pytest.param(50, id="past the time of a head", marks=pytest.mark.slow("waits for the time of a head")),
    ],
)
@pytest.mark.parametrize("how", HOW)
def test_a_stream_behind_which_half_a_request_comes_goes_on_and_nothing_else_is_written(
    servers: dict[bool, Server], direct: Connect, how: str, count: int
) -> None:
    with direct(False) as sock:
        deliver(sock, case("stream-then-half-a-request"), how, servers)
        got = heartbeats(sock, count)
        assert got.count(b"HTTP/1.1") == 1
        (status, headers, _) = answers(got + b"0\r\n\r\n")[0]
        assert (status, headers["cache-control"]) == (200, "no-cache, no-transform")


def test_a_stream_whose_client_leaves_at_once_leaves_nothing(servers: dict[bool, Server], direct: Connect) -> None:
    for _ in range(50):
        with direct(False) as sock:
            sock.sendall(case("stream-then-half-a-request"))
    servers[False].settle()


# ---- behind proxies ----


@pytest.mark.slow("behind real proxies, or as long as a bound of the server")
@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize("name", RIGHT)
def test_a_case_behind_a_proxy(servers: dict[bool, Server], behind: dict[str, str], name: str, how: str) -> None:
    """One answer, the proxy's own or the right one; on connections that the proxy shares between clients."""
    data = case(name)
    gateway = SECRET.encode() in data
    with through(behind["gateway" if gateway else "proxy-plain"]) as sock:
        deliver(sock, data, how, servers)
        sock.shutdown(socket.SHUT_WR)
        got = rest(sock)
    said = answers(got)
    ours = [status for status, headers, _ in said if "x-content-type-options" in headers]
    assert ours in ([], RIGHT[name]) or (name, ours) == ("no-host", [200]), "HAProxy may add a Host"
    assert not any(name.encode() in got for name in GRACES)
    turn(servers)


@pytest.mark.slow("behind real proxies, or as long as a bound of the server")
def test_who_shares_a_proxy_s_connection_gets_its_own_answer(
    servers: dict[bool, Server], behind: dict[str, str]
) -> None:
    """After each case, what another client asks over the same connections is answered as ever."""
    for _ in range(3):
        for name in (*RIGHT, "stream-then-half-a-request"):
            data = case(name)
            with through(behind["gateway" if SECRET.encode() in data else "proxy-plain"]) as sock:
                sock.sendall(data)
                turn(servers)
        asked = 0
        while asked < 5:
            with through(behind["proxy-plain"]) as sock:
                sock.sendall(
                    b"GET /api/v2/configurations HTTP/1.1\r\nHost: x\r\nX-User-ID: linus\r\nConnection: close\r\n\r\n"
                )
                (status, _, body), *more = answers(rest(sock))
            if status == 503:  # on a busy machine moto takes longer than the service waits for a table
                continue
            asked += 1
            assert (status, more) == (200, [])
            assert not any(each.name.encode() in body for each in CONFIGURATIONS if each.user_id != "linus")


@pytest.mark.slow("behind real proxies, or as long as a bound of the server")
def test_an_event_passes_each_proxy_at_once(behind: dict[str, str]) -> None:
    with through(behind["proxy-plain"]) as sock:
        sock.sendall(b"GET /api/v2/stream HTTP/1.1\r\nHost: x\r\n\r\n")
        heartbeats(sock, 3)


@pytest.mark.slow("behind real proxies, or as long as a bound of the server")
@pytest.mark.parametrize("row", TABLE, ids=[row.what for row in TABLE])
def test_a_hostile_request_behind_a_proxy(servers: dict[bool, Server], behind: dict[str, str], row: Hostile) -> None:
    """The proxy's own refusal, or the answer that it gets directly. What is no sound HTTP the proxy may have mended, so
    that it is another request: one, and of the same user."""
    with through(behind[f"{row.peer}-{'secret' if row.gateway else 'plain'}"]) as sock:
        deliver(sock, row.request(), "in one piece", servers)
        got = bytearray()
        try:
            while part := sock.recv(65_536):
                got += part
                if b"event: heartbeat" in got:
                    break
        except ConnectionResetError:
            pass
    assert got.count(b"HTTP/1.1 ") <= 1, "it was taken for two requests"
    head, _, body = bytes(got).partition(b"\r\n\r\n")
    assert not any(name.encode() in got for name in GRACES) or row.who == "grace"
    assert MARK.encode() not in got
    ours = head.startswith(b"HTTP/1.1 ") and b"x-content-type-options: nosniff" in head.lower()
    if row.raw is None and ours:
        check(row, int(head.split(b" ", 2)[1]), head.decode("latin-1").lower(), body, row.status)
    elif row.raw is None:
        assert not head or int(head.split(b" ", 2)[1]) in {400, 405, 408, 413, 414, 431, 494, 501, 502, 505}
    assert servers[row.gateway].send(ALIVE).startswith(b"HTTP/1.1 200 ")
