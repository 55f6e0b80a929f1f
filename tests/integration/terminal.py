"""The tools as a person at a terminal runs them, on a machine where a demo runs: embedded AWS, relay, service."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamer.local.clients import LocalClients
from streamer.local.discovery import RunningDemo, announced
from streamer.local.resources import Resources
from tests.integration.pipeline import pipeline
from tests.integration.service import ServiceProcess, serving
from tests.watchdog import WATCHDOG


@dataclass(frozen=True)
class Said:
    """What a command said."""

    code: int
    out: str
    err: str


class Machine:
    """`run` runs a command; `env` is its environment."""

    service: ServiceProcess
    """Only of a machine with a service."""

    def __init__(self, folder: Path, resources: Resources) -> None:
        self.folder = folder
        self.resources = resources
        self.clients = LocalClients(resources.endpoint_url)
        # The tools find the demo by its file, and no AWS by the environment.
        self.env = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")} | {
            "XDG_RUNTIME_DIR": str(folder),
            "COLUMNS": "200",
        }

    @classmethod
    def bare(cls, folder: Path) -> Machine:
        """A machine without a demo, and without AWS but for keys that reach nothing."""
        made = cls.__new__(cls)
        made.folder = folder
        made.env = {
            "PATH": os.environ["PATH"],
            "XDG_RUNTIME_DIR": str(folder),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        return made

    def run(self, *arguments: object, stdin: bytes = b"", aws: bool = False) -> Said:
        """Runs `streamer …`; with `aws`, the environment names the embedded AWS."""
        done = subprocess.run(
            self.command(*arguments),
            input=stdin,
            capture_output=True,
            env=self.env | (self.resources.environment() if aws else {}),
            cwd=self.folder,
            timeout=WATCHDOG,
            check=False,
        )
        return Said(done.returncode, done.stdout.decode(), done.stderr.decode())

    def start(self, *arguments: object, aws: bool = False) -> subprocess.Popen[bytes]:
        """Starts `streamer …` with pipes."""
        return subprocess.Popen(
            self.command(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.env | (self.resources.environment() if aws else {}),
            cwd=self.folder,
        )

    @staticmethod
    def command(*arguments: object) -> list[str]:
        """As an argument vector."""
        return [sys.executable, "-W", "error", "-m", "streamer.cli", *map(str, arguments)]

    def put(self, source_id: str, label: str = "positive", **more: Any) -> None:
        """Writes an item to the sentiment table."""
        self.clients.dynamodb().put_item(
            TableName=self.resources.sentiment_table,
            Item={
                "source_id": {"S": source_id},
                "timestamp": {"S": "2026-11-22T14:17:06.330Z"},
                "sentiment": {"S": label},
                "score": {"N": "0.5"},
                "ticker": {"S": "AAPL"},
                "article_text": {"S": "never to be seen"},
                **more,
            },
        )


@asynccontextmanager
async def machine(folder: Path) -> AsyncIterator[Machine]:
    """Everything that `make demo` runs, but the writer."""
    with pipeline() as resources:
        async with serving(resources.environment(), until="push") as service:
            with found_by_tools(folder, resources, service.base) as made:
                made.service = service
                yield made


@contextmanager
def machine_without_service(folder: Path) -> Iterator[Machine]:
    """The same for tests of tables and topics. Nobody listens at the demo's URL."""
    with pipeline() as resources, found_by_tools(folder, resources, "http://127.0.0.1:9") as made:
        yield made


@contextmanager
def found_by_tools(folder: Path, resources: Resources, base: str) -> Iterator[Machine]:
    """Registers these parts as a running demo."""
    with announced(RunningDemo(os.getpid(), base, resources), folder / "sentiment-streamer"):
        yield Machine(folder, resources)


async def ran(machine: Machine, *arguments: object, **options: Any) -> Said:
    """`machine.run`, while the event loop goes on."""
    return await asyncio.to_thread(machine.run, *arguments, **options)
