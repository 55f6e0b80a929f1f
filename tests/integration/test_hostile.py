"""What each hostile request is answered, by the running service on a real socket and by the Lambda's entry."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from streamer.functions import rest
from streamer.functions.environment import load_settings
from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.local.users import CONFIGURATIONS
from tests.integration.hostile import (
    CHIPS,
    GATEWAY,
    MARK,
    OLDER,
    SECRET,
    STREAM,
    TABLE,
    TICKET_SECRET,
    Hostile,
    ticket,
)  # fmt: skip
from tests.integration.hostile import CONFIGURATIONS as PATH
from tests.moto_in_process import moto_in_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine's on Linux alone")

WATCHDOG: Final = 30.0
PEERS: Final = {"stranger": "127.0.0.1", "proxy": "127.0.0.2"}
NAMES: Final = {name: user for each in CONFIGURATIONS for name, user in [(each.name, each.user_id)]}
ALIVE: Final = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
EVENT: Final = json.loads((Path(__file__).parents[1] / "unit" / "function_url.json").read_text())


class Server:
    """A `streamer serve` as it runs anywhere: its own process."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "SSE_"))}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "streamer.cli", "serve", "--port", "0"],
            env={**kept, "SSE_RECEIVE_WAIT": "1", "SSE_DRAIN_WINDOW": "0.2", "SSE_MAX_PER_CLIENT": "1", **environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        self.log: list[dict[str, Any]] = []
        self._said: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read)
        self._reader.start()
        self.port = 0
        while (message := self._said.get(timeout=WATCHDOG)) != "ready":
            assert message != "", self.log
            self.port = self.port or next((line["port"] for line in self.log if line["message"] == "serving"), 0)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            self._said.put(self.log[-1]["message"])
        self._said.put("")

    def send(self, request: bytes, peer: str = "proxy") -> bytes:
        """One connection: everything that comes until its end, or of a stream its first events."""
        with socket.create_connection(("127.0.0.1", self.port), WATCHDOG, (PEERS[peer], 0)) as sock:
            got = bytearray()
            try:
                sock.sendall(request)
                while part := sock.recv(65_536):
                    got += part
                    if b"event: heartbeat" in got:
                        break
            except (ConnectionResetError, BrokenPipeError):
                pass  # it was cut off before it had said everything: what was answered may be there all the same
            return bytes(got)

    def status(self) -> dict[str, Any]:
        """What /api/v2/stream/status says."""
        answer = self.send(b"GET /api/v2/stream/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        found: dict[str, Any] = json.loads(answer.partition(b"\r\n\r\n")[2])
        return found

    def settle(self) -> None:
        """Returns when no slot is taken. What leaks one does not let it return."""
        for _ in range(2_000):  # each a round trip; one or two are enough
            if self.status()["connections"] == 0:
                return
        pytest.fail("a slot was not given back")

    def end(self) -> None:
        """SIGTERM; everything it has said is in `log` then."""
        self.process.send_signal(signal.SIGTERM)
        self._reader.join(WATCHDOG)
        self.process.wait(WATCHDOG)
        assert self.process.stderr is not None
        self.process.stderr.close()


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with moto_in_process() as url:
        yield provision(url, suffix="-hostile")  # moto keeps one state for the whole process


@pytest.fixture(scope="module")
def servers(resources: Resources) -> Iterator[dict[bool, Server]]:
    """By whether there is a gateway's secret; both trust the proxy's address. At the end their logs are looked at."""
    common = resources.environment() | {"TRUSTED_PROXIES": PEERS["proxy"] + "/32", "TICKET_SECRET": TICKET_SECRET}
    with ExitStack() as stack:
        made = {}
        for gateway in (False, True):
            own = {"GATEWAY_SECRET": f"{OLDER},{SECRET}"} if gateway else {}
            made[gateway] = Server(common | own)
            stack.callback(made[gateway].end)
        yield made
        for server in made.values():
            server.settle()
    for server in made.values():
        assert server.process.returncode == 0
        assert [
            line for line in server.log if line["level"] not in {"INFO", "WARNING"} or "Traceback" in str(line)
        ] == []
        said = json.dumps(server.log)
        for never in ("Traceback", MARK, ticket()[:40], SECRET, OLDER, TICKET_SECRET, '"ada"', '"grace"', "chips"):
            assert never not in said, never


def check(row: Hostile, status: int, head: str, body: bytes, expected: int) -> None:
    """What holds for every answer."""
    assert status == expected, (head, body[:500])
    assert MARK not in head
    assert MARK.encode() not in body
    for name, user in NAMES.items():
        assert name.encode() not in body or row.who == user, "it shows what is not theirs"
    if row.who is not None and row.target == CHIPS and row.method == "GET":
        assert json.loads(body)["config_id"] == "chips"
    if status == 401:
        assert 'www-authenticate: gateway realm="' in head, "a scheme for which no browser opens a dialog"
    if status >= 400 and body and body != b"Invalid HTTP request received.":
        assert "application/problem+json" in head
        problem = json.loads(body)
        assert problem["status"] == status
        assert {"title", "detail"} <= set(problem)


@pytest.mark.parametrize("row", TABLE, ids=[row.what for row in TABLE])
def test_on_a_socket(servers: dict[bool, Server], row: Hostile) -> None:
    server = servers[row.gateway]
    answer = server.send(row.request(), row.peer)
    head, _, body = answer.partition(b"\r\n\r\n")
    status = int(head.split(b" ", 2)[1]) if head.startswith(b"HTTP/1.1 ") else 0
    check(row, status, head.decode("latin-1").lower(), body, row.status)
    if b"text/event-stream" in head:
        assert row.status == 200
        assert row.says.encode() in body
        assert b"event: sentiment_update" not in body
        server.settle()
    else:
        assert answer.count(b"HTTP/1.1 ") == 1, "it was taken for two requests"
    assert server.send(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").startswith(
        b"HTTP/1.1 200 "
    )


@pytest.mark.parametrize(
    ("peer", "first", "second", "status"),
    [
        ("stranger", None, None, 429),
        ("stranger", "203.0.113.7", "203.0.113.8", 429),
        ("stranger", "127.0.0.2", "203.0.113.8, 127.0.0.2", 429),
        ("proxy", "203.0.113.7", "203.0.113.8", 200),
        ("proxy", "203.0.113.7", "203.0.113.7", 429),
        ("proxy", "1.1.1.1, 203.0.113.7", "2.2.2.2, 203.0.113.7", 429),
        ("proxy", "203.0.113.7", "203.0.113.7, 127.0.0.2", 429),
        ("proxy", "203.0.113.7:1111", "203.0.113.7:2222", 429),
        ("proxy", "::ffff:203.0.113.7", "203.0.113.7", 429),
        ("proxy", "2001:db8:1:2::1", "[2001:db8:1:2:ffff::2]:443", 429),
        ("proxy", "2001:db8:1:2::1", "2001:db8:1:3::1", 200),
        ("proxy", "hunter2", "hunter2", 200),  # nobody's address: a proxy's stands for many
        ("proxy", None, None, 200),
    ],
)
def test_no_forwarded_address_gets_a_client_more_streams_than_its_own(
    servers: dict[bool, Server], peer: str, first: str | None, second: str | None, status: int
) -> None:
    def request(forwarded: str | None) -> bytes:
        line = f"X-Forwarded-For: {forwarded}\r\n" if forwarded else ""
        return f"GET /api/v2/stream HTTP/1.1\r\nHost: x\r\n{line}\r\n".encode()

    server = servers[False]
    server.settle()
    with socket.create_connection(("127.0.0.1", server.port), WATCHDOG, (PEERS[peer], 0)) as open_:
        open_.sendall(request(first))
        assert open_.recv(100).startswith(b"HTTP/1.1 200 ")
        answer = server.send(request(second).replace(b"Host", b"Connection: close\r\nHost"), peer)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        if status == 429:
            problem = json.loads(answer.partition(b"\r\n\r\n")[2])
            assert (problem["max_connections"], problem["retry_after"]) == (1, 30)
    server.settle()


@pytest.mark.parametrize(
    ("target", "headers", "peer", "status"),
    [
        (STREAM, "X-User-ID: ada\r\nX-Forwarded-For: 203.0.113.8\r\n", "proxy", 429),
        (f"{PATH}/cars/stream", "X-User-ID: ada\r\n", "proxy", 429),
        (f"{STREAM}?ticket={ticket()}", "", "stranger", 429),
        (f"{STREAM}?ticket={ticket()}&on_full=wait", "", "stranger", 200),
        (f"{PATH}/big-five/stream", "X-User-ID: grace\r\nX-Forwarded-For: 203.0.113.8\r\n", "proxy", 200),
    ],
)
def test_a_user_has_so_many_streams_wherever_they_come_from(
    servers: dict[bool, Server], target: str, headers: str, peer: str, status: int
) -> None:
    server = servers[False]
    server.settle()
    first = "X-User-ID: ada\r\nX-Forwarded-For: 203.0.113.7\r\n"
    with socket.create_connection(("127.0.0.1", server.port), WATCHDOG, (PEERS["proxy"], 0)) as open_:
        open_.sendall(f"GET {STREAM} HTTP/1.1\r\nHost: x\r\n{first}\r\n".encode())
        assert open_.recv(100).startswith(b"HTTP/1.1 200 ")
        answer = server.send(f"GET {target} HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n".encode(), peer)
        assert answer.startswith(f"HTTP/1.1 {status} ".encode())
        assert (b'"server_busy"' in answer) == ("on_full" in target)
    server.settle()


@pytest.fixture(scope="module")
def entry(resources: Resources) -> Iterator[None]:
    """The Lambda's, with a gateway's secret."""
    environment = resources.environment() | {"GATEWAY_SECRET": f"{OLDER},{SECRET}", "TICKET_SECRET": TICKET_SECRET}
    root, loop = logging.getLogger(), asyncio.new_event_loop()
    handlers, level = root.handlers[:], root.level
    with pytest.MonkeyPatch.context() as patched:
        for key, value in environment.items():
            patched.setenv(key, value)
        asyncio.set_event_loop(loop)  # Mangum's, one for an environment's whole life
        for cached in (load_settings, rest._mangum):
            cached.cache_clear()
        rest._mangum()
        yield
        for cached in (load_settings, rest._mangum):
            cached.cache_clear()
        asyncio.set_event_loop(None)
        loop.close()
        root.handlers[:], root.level = handlers, level


def event(row: Hostile) -> dict[str, Any]:
    """The request as a Function URL passes it on: names in lower case, lines of one name joined. In Lambda no address
    is trusted, so who is a proxy elsewhere has the gateway's secret."""
    path, _, query = row.target.partition("?")
    headers: dict[str, str] = dict(EVENT["headers"])
    own = [*row.headers] + ([GATEWAY] if row.peer == "proxy" and not row.gateway else [])
    for name, value in own:
        text = value.decode("latin-1") if isinstance(value, bytes) else value
        before = headers.get(name.lower()) if name.lower() not in EVENT["headers"] else None
        headers[name.lower()] = text if before is None else f"{before},{text}"
    made: dict[str, Any] = EVENT | {
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "requestContext": EVENT["requestContext"]
        | {"http": EVENT["requestContext"]["http"] | {"method": row.method, "path": path}},
        "body": base64.b64encode(row.body).decode(),
        "isBase64Encoded": True,
    }
    return made


IN_LAMBDA: Final = [row for row in TABLE if row.lambda_status is not None]


@pytest.mark.parametrize("row", IN_LAMBDA, ids=[row.what for row in IN_LAMBDA])
def test_at_the_entry_of_the_lambda(
    entry: None, resources: Resources, monkeypatch: pytest.MonkeyPatch, row: Hostile
) -> None:
    for key, value in resources.environment().items():
        monkeypatch.setenv(key, value)
    answer = rest.handler(event(row), None)
    assert answer["isBase64Encoded"] is False
    assert row.lambda_status is not None
    head = "".join(f"{name}: {value}\r\n" for name, value in answer["headers"].items()).lower()
    check(row, answer["statusCode"], head, answer["body"].encode(), row.lambda_status)
    alive = rest.handler(event(Hostile("", 200, "/health/live")), None)
    assert alive["statusCode"] == 200
