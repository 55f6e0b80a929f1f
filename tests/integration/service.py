"""`streamer serve` as a process of its own, as its users start it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx

from tests.hang import overheard
from tests.watchdog import WATCHDOG

SERVE = ("streamer.cli", "serve")
SERVE_WITH_SIGN_IN = ("streamer.local.part", "serve")
"""As the demo does: its users sign in by a cookie."""
_SOON = {
    "LOG_LEVEL": "INFO",
    "SSE_RECEIVE_WAIT": "1",
    "SSE_DRAIN_WINDOW": "0.2",
    "SSE_POLL_INTERVAL": "0.5",  # push proves itself by a query
}


class ServiceProcess:
    """A running `streamer serve`; its log is read as it comes, so that it never waits for a reader."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.base = ""
        self.log: list[dict[str, Any]] = []
        self._more = asyncio.Event()
        self._reading = asyncio.create_task(self._read())
        self._reading.add_done_callback(lambda _: self._more.set())

    async def _read(self) -> None:
        assert self.process.stderr is not None
        async for text in self.process.stderr:
            self.log.append(json.loads(text))
            self._more.set()

    async def line(self, message: str, **members: object) -> dict[str, Any]:
        """Waits for a line with this message and these members, which may have come already."""
        seen = 0
        async with asyncio.timeout(WATCHDOG):
            while True:
                self._more.clear()
                for logged in self.log[seen:]:
                    if logged["message"] == message and members.items() <= logged.items():
                        return logged
                seen = len(self.log)
                if self._reading.done():
                    await self._reading
                    raise EOFError(f"the service ended without saying {message!r}: {self.log}")
                await self._more.wait()

    async def status(self) -> dict[str, Any]:
        """What /api/v2/stream/status says."""
        async with httpx.AsyncClient(trust_env=False) as client:
            answer = await client.get(f"{self.base}/api/v2/stream/status")
            found: dict[str, Any] = answer.json()
            return found

    async def kill(self) -> None:
        """kill -9: its queue stays, and nobody is told."""
        self.process.kill()
        async with asyncio.timeout(WATCHDOG):
            await self._reading
            await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM; the exit code. Reads the log to its end."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(WATCHDOG):
            await self._reading
            return await self.process.wait()


@asynccontextmanager
async def serving(
    environment: Mapping[str, str],
    *,
    until: Literal["serving", "ready", "push"] = "ready",
    command: Sequence[str] = SERVE,
) -> AsyncIterator[ServiceProcess]:
    """Starts the service on a free port, and waits until it listens, has its queue and has read the table, or until
    push has proven itself (which takes a message)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *command,
        env={**os.environ, "SSE_PORT": "0", **_SOON, **environment},
        stderr=asyncio.subprocess.PIPE,
    )
    service = ServiceProcess(process)
    try:
        with overheard("streamer serve", lambda: "\n".join(map(json.dumps, service.log))):
            said = await service.line("serving")
            service.base = f"http://127.0.0.1:{said['port']}"
            if until != "serving":
                await service.line("lease taken")
                await service.line("ready")
            if until == "push":
                await service.line("mode switched", mode="push")
                await service.line("caught up")  # a query that is faster than the queue skips versions in between
            yield service
    finally:
        if process.returncode is None:
            await service.stop()
        process._transport.close()  # type: ignore[attr-defined]  # closes the pipes before the loop goes
