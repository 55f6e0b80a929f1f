"""What the server does with a connection that the application does not see: heads, methods, versions, pipelines."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from streamer.errors import StreamerError
from streamer.server import supported
from streamer.server.limits import ConnectionLimits
from tests.integration import rig as rigs
from tests.integration.rig import Rig, running
from tests.watchdog import WATCHDOG

ROOT = Path(__file__).parents[2]
STREAM = b"GET /api/v2/stream HTTP/1.1\r\nHost: here\r\n\r\n"


@pytest.fixture(autouse=True, params=[True, False], ids=["taken over", "plain ASGI"])
def _sink(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rigs, "takes_over", request.param)


async def said(rig: Rig, *requests: bytes) -> tuple[int, dict[str, str], bytes]:
    """What comes until the server closes the connection: status, headers by lower-case name, body as it is sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    async with asyncio.timeout(WATCHDOG):
        for request in requests:
            writer.write(request)
            await writer.drain()
        data = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = data.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    return int(status.split()[1]), {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}, body


async def test_head_of_a_stream_is_its_headers_and_takes_no_slot() -> None:
    async with running(limit=1) as rig:
        for _ in range(2):
            status, headers, body = await said(rig, STREAM.replace(b"GET", b"HEAD"))
            assert (status, body) == (200, b"")
            assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert rig.counters["streams_opened"] == rig.admission.taken == 0
        status, headers, _ = await said(
            rig, b"HEAD /api/v2/stream?tickers=! HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        assert status == 422


async def test_a_client_of_http_1_0_gets_its_stream_without_chunks() -> None:
    async with running() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(STREAM.replace(b"1.1", b"1.0"))
        async with asyncio.timeout(WATCHDOG):
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"chunked" not in head.lower()
            assert (await reader.readline()).startswith(b"retry: ")
            rig.delivery.drain(0)
            rest = await reader.read()
        assert b"event: closing" in rest
        writer.close()
        await writer.wait_closed()


async def test_a_request_behind_the_stream_is_not_answered_and_hides_no_end() -> None:
    async with running() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(STREAM + b"GET /health/live HTTP/1.1\r\nHost: here\r\n\r\n" + STREAM)
        async with asyncio.timeout(WATCHDOG):
            await reader.readuntil(b"event: metrics")
            assert rig.admission.taken == 1
            writer.close()
            await writer.wait_closed()
            await rig.admission.wait_empty()
        assert rig.counters["streams_opened"] == 1


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\nHost: here\r\n\r\n", 431),
        (b"GET / HTTP/1.1\r\n" + b"Cookie: %b\r\n" % (b"x" * 1000) * 70 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nCookie: " + b"x" * 200_000 + b"\r\n\r\n", 431),
        (b"nonsense\r\n\r\n", 400),
    ],
)
async def test_what_the_parser_refuses_is_a_problem_too(request_: bytes, status: int) -> None:
    async with running() as rig:
        given, headers, body = await said(rig, request_)
        assert (given, headers["content-type"]) == (status, "application/problem+json")
        problem: dict[str, Any] = json.loads(body)
        assert problem["status"] == status
        assert "xxx" not in problem["detail"]


@pytest.mark.parametrize(("begun", "status"), [(b"", None), (b"GET / HTTP/1.1\r\nHo", 408)])
async def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(begun: bytes, status: int | None) -> None:
    async with running(limits=ConnectionLimits(head=0.3)) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(begun)
        async with asyncio.timeout(WATCHDOG):
            data = await reader.read()
        writer.close()
        await writer.wait_closed()
        assert data.startswith(b"HTTP/1.1 408 ") if status else data == b""
        status, _, _ = await said(rig, b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert status == 200


async def test_an_open_stream_is_not_taken_for_a_slow_head() -> None:
    async with running(limits=ConnectionLimits(head=0.3, idle=0.3)) as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(STREAM)
        async with asyncio.timeout(WATCHDOG):
            await reader.readuntil(b"event: metrics")
            loop = asyncio.get_running_loop()
            after = loop.create_future()
            loop.call_later(0.6, after.set_result, None)
            await after
            rig.publish("positive")
            await reader.readuntil(b"event: sentiment_update")
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("version", ["0.45.9", "0.55.0", "1.0", "none"])
def test_an_untested_uvicorn_is_named_and_nothing_is_served(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvicorn.__version__", version)
    with pytest.raises(StreamerError, match=f"uvicorn {version} is not supported; .*'uvicorn>=0.46,<0.55'"):
        supported.check()


def test_the_versions_that_are_tested_are_those_that_are_installed() -> None:
    allowed = re.search(r'"uvicorn>=([0-9.]+),<([0-9.]+)"', (ROOT / "pyproject.toml").read_text())
    assert allowed
    assert allowed[1] == ".".join(map(str, supported.OLDEST))
    assert allowed[2] == f"{supported.NEWEST[0]}.{supported.NEWEST[1] + 1}"
