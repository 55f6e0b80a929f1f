"""LaunchDarkly's SSE contract tests against the Python client. Opt-in: the variable LAUNCHDARKLY_SSE_TESTS names their
program, which `go build` makes of github.com/launchdarkly/sse-contract-tests."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from streamer.client import Stream
from tests.contract.sse_service import LIMITS, SseTestService
from tests.unit.client.scripted import OK, Visit, serving
from tests.watchdog import WATCHDOG

PROGRAM = os.environ.get("LAUNCHDARKLY_SSE_TESTS", "")


@pytest.fixture
def service() -> Iterator[str]:
    """Its URL. In a thread, with an event loop of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(SseTestService().app(), log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join(WATCHDOG)
    listener.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.mark.skipif(not Path(PROGRAM).is_file(), reason="LAUNCHDARKLY_SSE_TESTS names no program")
async def test_all_pass_but_for_the_declared_limits(service: str) -> None:
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "--url", service, "--host", "127.0.0.1", "--port", str(free_port()),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await asyncio.wait_for(process.communicate(), 5 * WATCHDOG)
    text = re.sub(r"\x1b\[[0-9;]*m", "", output.decode())
    run = set(re.findall(r"^\[(.+)\]$", text, re.MULTILINE))
    failed = set(re.findall(r"^ +\* (.+)$", text, re.MULTILINE))
    leaves = {name for name in run if not any(other.startswith(f"{name}/") for other in run)}
    print(f"{len(leaves)} tests, of which {len(leaves & failed)} fail")  # noqa: T201 - shown by pytest -s
    assert len(leaves) > 80, text[-3_000:]
    assert leaves & failed == set(LIMITS), text[-3_000:]


async def test_the_test_service_follows_a_stream_and_reports_it(service: str) -> None:
    """So that it works when somebody needs it."""
    told: list[str] = []
    all_told = asyncio.Event()

    async def called(visit: Visit) -> None:
        length = int(visit.headers["content-length"])
        told.append(f"{visit.path} {(await visit.reader.readexactly(length)).decode()}")
        await visit.send(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        if len(told) == 2:
            all_told.set()

    async with serving(OK + b"id: 1\ndata: a\n\n") as stream, serving(called) as back, httpx.AsyncClient() as http:
        wanted = {"streamUrl": stream.url, "callbackUrl": back.url, "initialDelayMs": 10, "lastEventId": "0"}
        made = await http.post(service, json=wanted)
        await asyncio.wait_for(all_told.wait(), WATCHDOG)
        assert (await http.get(service)).json()["capabilities"]
        assert [(await http.delete(f"{service}{made.headers['location']}")).status_code for _ in range(2)] == [204, 404]
    assert [re.sub(r"\s", "", each) for each in told[:2]] == [
        f'{Stream(back.url).url.path}/1{{"kind":"event","event":{{"type":"message","data":"a","id":"1"}}}}',
        f'{Stream(back.url).url.path}/2{{"kind":"error","error":"theserverendedthestreamwithout`closing`"}}',
    ]
    assert stream.visits[0].headers["last-event-id"] == "0"
