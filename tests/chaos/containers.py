"""The containers: `streamer serve` as processes that can be ended, killed and started again on their port."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx

from streamer.local.child import clean_environment
from streamer.local.ports import listener

SAMPLE_EVERY: Final = 0.25
_START: Final = 30.0
_STOP: Final = 20.0
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Sample:
    """What a container said of itself; `gone` while it does not answer."""

    at: float
    mode: str
    reason: str = ""
    connections: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a container's log."""

    at: float
    members: dict[str, Any]


class Container:
    """One container on a port of its own."""

    def __init__(self, number: int, environment: Mapping[str, str], broken: str) -> None:
        self.number = number
        with listener() as free:
            self.port = int(free.getsockname()[1])
        self.lines: list[Line] = []
        self.samples: list[Sample] = []
        self.exits: list[int] = []
        self.unexpected: list[int] = []
        """Exit codes of processes that nobody had asked to end."""
        self._environment = {**clean_environment(os.environ), **environment, "PYTHONPATH": str(_ROOT)}
        self._broken = broken
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._serving = asyncio.Event()
        self._asked = False

    @property
    def base(self) -> str:
        """Its URL."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int | None:
        """Its process, if one runs."""
        return self._process.pid if self._process is not None and self._process.returncode is None else None

    async def start(self) -> None:
        """Starts it and waits until it serves. Raises RuntimeError if it does not."""
        self._serving.clear()
        self._asked = False
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.chaos.broken",
            self._broken,
            "serve",
            "--port",
            str(self.port),
            cwd=_ROOT,
            env=self._environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            limit=4 * 1024 * 1024,
            process_group=0,  # Ctrl-C is for the gate: it ends the containers itself
        )
        self._reading = asyncio.create_task(self._read(self._process))
        waiting = asyncio.create_task(self._serving.wait())
        await asyncio.wait({waiting, self._reading}, timeout=_START, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if not self._serving.is_set():
            last = "\n".join(str(line.members) for line in self.lines[-10:])
            raise RuntimeError(f"container {self.number} does not serve:\n{last}")

    async def terminate(self) -> int:
        """SIGTERM; its exit code, or that of SIGKILL if it takes too long."""
        return await self._end(signal.SIGTERM)

    async def kill(self) -> int:
        """SIGKILL."""
        return await self._end(signal.SIGKILL)

    async def sample(self, client: httpx.AsyncClient) -> None:
        """Asks it once how it is."""
        try:
            said = (await client.get(f"{self.base}/api/v2/stream/status")).json()
            sample = Sample(time.time(), said["mode"], said.get("mode_reason", ""), said["connections"])
        except (httpx.HTTPError, ValueError, KeyError):
            sample = Sample(time.time(), "gone")
        self.samples.append(sample)

    async def _end(self, number: signal.Signals) -> int:
        process, self._asked = self._process, True
        if process is None:
            return 0
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), _STOP)
        except TimeoutError:
            process.kill()
            await process.wait()
        if self._reading is not None:
            await self._reading
        return int(process.returncode or 0)

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for text in process.stderr:
            try:
                members = json.loads(text)
            except ValueError:
                members = {"message": text.decode(errors="replace").rstrip(), "raw": True}
            self.lines.append(Line(time.time(), members))
            if members.get("message") == "serving":
                self._serving.set()
        code = await process.wait()
        self.exits.append(code)
        if not self._asked:
            self.unexpected.append(code)
        process._transport.close()  # type: ignore[attr-defined]  # closes the pipes before the loop goes
