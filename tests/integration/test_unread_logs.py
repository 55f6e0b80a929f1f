"""stdout and stderr that nobody reads, or that have no room: streams go on, and SIGTERM ends the service."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.rig import stream
from tests.watchdog import WATCHDOG

SETTINGS = {
    "SENTIMENT_TABLE": "sentiment",
    "SSE_INTAKE": "poll",  # of a table that is not there
    "SSE_POLL_INTERVAL": "0.5",
    "SSE_DRAIN_WINDOW": "0.2",
    "METRICS": "emf",
    "METRICS_INTERVAL": "10",
}
SMALL = 4_096
"""Bytes of a pipe: some 15 lines fill it."""


class Unread:
    """A service whose logs nobody reads any more once it serves."""

    def __init__(self, base: str, process: asyncio.subprocess.Process) -> None:
        self.base = base
        self.process = process

    async def counters(self) -> dict[str, int]:
        """What the status counts."""
        async with httpx.AsyncClient(trust_env=False, timeout=WATCHDOG) as http:
            counters: dict[str, int] = (await http.get(f"{self.base}/api/v2/stream/status")).json()["counters"]
            return counters

    async def visits(self, count: int) -> None:
        """Streams that are opened, read, and left; two lines of log each."""
        for _ in range(count):
            async with stream(self.base) as events:
                assert (await events.next())["event"] == "connected"

    async def ends(self) -> int:
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WATCHDOG):
            return await self.process.wait()


FILLS_UP = """
import os, sys, threading

def fill():
    sys.stdin.readline()
    os.dup2(os.open("/dev/full", os.O_WRONLY), 2)

threading.Thread(target=fill, daemon=True).start()
from streamer.cli import main
main(["serve", "--port", "0"])
"""
"""A service whose stderr is on a full disk from the moment that a line comes to stdin."""


@asynccontextmanager
async def unread(*command: str) -> AsyncIterator[Unread]:
    """With both outputs in one small pipe, which is read until it serves."""
    reading, writing = os.pipe()
    for end in (reading, writing):
        fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, SMALL)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *(command or ("-m", "streamer.cli", "serve", "--port", "0")),
        env={**os.environ, **SETTINGS},
        stdin=asyncio.subprocess.PIPE,
        stdout=writing,
        stderr=writing,
    )
    try:
        port = await asyncio.to_thread(_port, reading)
        yield Unread(f"http://127.0.0.1:{port}", process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        for end in (reading, writing):
            os.close(end)
        process._transport.close()  # type: ignore[attr-defined]  # closes the pipes before the loop goes


def _port(reading: int) -> int:
    with os.fdopen(os.dup(reading), "rb", buffering=0) as lines:
        while True:
            said: dict[str, Any] = json.loads(lines.readline())
            if said["message"] == "serving":
                return int(said["port"])


async def test_pipes_that_nobody_reads_hold_up_neither_streams_nor_the_end() -> None:
    async with unread() as service, stream(service.base) as kept:
        await kept.until("connected")
        await service.visits(100)
        assert (await service.counters())["streams_opened"] >= 101
        ending = asyncio.create_task(service.ends())
        closing = await kept.until("closing")
        assert closing["data"]["reason"] == "drain"
        assert await ending == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
async def test_a_full_disk_holds_up_nothing_and_the_lost_lines_are_counted() -> None:
    async with unread("-c", FILLS_UP) as service:
        assert service.process.stdin is not None
        service.process.stdin.write(b"\n")
        async with asyncio.timeout(WATCHDOG):
            while (await service.counters())["log_lines_dropped"] < 10:
                await service.visits(1)
        assert await service.ends() == 0
