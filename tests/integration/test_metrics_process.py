"""What `streamer serve` writes to stdout, and what it does when nobody reads that."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress

import pytest

from tests.watchdog import WATCHDOG

NO_AWS = {
    "SENTIMENT_TABLE": "sentiment",
    "CHANGES_TOPIC_ARN": "arn:aws:sns:us-east-1:123456789012:changes",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",  # the discard port: nobody listens
    "SSE_RECEIVE_WAIT": "1",
    "SSE_DRAIN_WINDOW": "0",
}


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


async def served(stdout: int, **environment: str) -> tuple[int, list[str]]:
    """Starts the service, stops it once it serves, and returns its exit code and its log's messages."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer.cli", "serve", "--port", "0"),
        env={**os.environ, **NO_AWS, **environment},
        stdout=stdout,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    told: list[str] = []
    async with asyncio.timeout(WATCHDOG):
        async for line in process.stderr:
            told.append(json.loads(line)["message"])
            if told[-1] == "serving":
                process.send_signal(signal.SIGTERM)
        code = await process.wait()
    process._transport.close()  # type: ignore[attr-defined]  # closes the pipes before the loop goes
    return code, told


async def test_the_last_line_is_said_at_the_end_and_stdout_holds_nothing_else(pipe: tuple[int, int]) -> None:
    code, told = await served(pipe[1], METRICS="emf", DEPLOYMENT_NAME="prod")
    lines = os.read(pipe[0], 65_536).decode().splitlines()  # more than one if a minute ended meanwhile
    assert (code, {json.loads(line)["Deployment"] for line in lines}) == (0, {"prod"})
    assert "Deployment" not in "".join(told)


async def test_a_stdout_that_nobody_reads_holds_up_neither_the_service_nor_its_end(pipe: tuple[int, int]) -> None:
    os.set_blocking(pipe[1], False)
    with suppress(BlockingIOError):
        while True:
            os.write(pipe[1], b"x" * 4096)
    os.set_blocking(pipe[1], True)
    code, told = await served(pipe[1], METRICS="emf")
    assert code == 0
    assert told[-2:] == ["stdout is not read: the last metrics are lost", "stopped"]


async def test_without_metrics_stdout_is_silent(pipe: tuple[int, int]) -> None:
    code, _ = await served(pipe[1])
    os.set_blocking(pipe[0], False)
    assert code == 0
    with pytest.raises(BlockingIOError):
        os.read(pipe[0], 1)


async def test_a_daemons_address_that_is_none_is_a_mistake_in_the_settings(pipe: tuple[int, int]) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "streamer.cli", "serve", "--port", "0"),
        env={**os.environ, **NO_AWS, "TRACING": "xray", "AWS_XRAY_DAEMON_ADDRESS": "daemon"},
        stdout=pipe[1],
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate()
    assert process.returncode == 2
    assert "AWS_XRAY_DAEMON_ADDRESS='daemon': not an address; give HOST:PORT" in said.decode()
