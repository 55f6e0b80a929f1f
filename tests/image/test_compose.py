"""compose.yaml without an engine: each service's command as a process of its own on loopback, started in its order."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from graphlib import TopologicalSorter
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # its annotations are a package of their own

from streamer.local.clients import LocalClients
from tests.image.process import Process
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.slow("starts all that docker compose would")

DOCKER = Path(__file__).parents[2] / "docker"
COMPOSE: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
STREAMERS = ("streamer-1", "streamer-2")
HERE = {"streamer": [sys.executable, "-m", "streamer.cli"], "python3": [sys.executable]}
"""What stands on this machine for the images' commands."""


def entrypoints() -> dict[str, list[str]]:
    """Each stage's ENTRYPOINT in the Dockerfile."""
    found = re.findall(
        r"^FROM .* AS (\S+)$(?:\n(?!FROM).*)*\nENTRYPOINT (.*)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE
    )
    return {stage: json.loads(command) for stage, command in found}


def command(service: dict[str, Any]) -> list[str]:
    first, *others = entrypoints()[service["build"]["target"]] + service.get("command", [])
    return [*HERE[first], *others]


def order() -> Iterable[str]:
    return TopologicalSorter({name: service.get("depends_on", {}) for name, service in SERVICES.items()}).static_order()


def first_events(port: int, wanted: str, replay: int = 60) -> list[str]:
    """The names of a stream's events until the wanted one. `replay`: seconds."""
    connection = HTTPConnection("127.0.0.1", port, timeout=WATCHDOG)
    try:
        connection.request("GET", f"/api/v2/stream?replay={replay}")
        answer = connection.getresponse()
        names: list[str] = []
        while wanted not in names:
            line = answer.readline()
            assert line, f"the stream ended after {names}"
            if line.startswith(b"event: "):
                names.append(line.removeprefix(b"event: ").decode().strip())
        return names
    finally:
        connection.close()


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_may_be_written_and_nothing_is_open_to_the_network(service: str) -> None:
    given = SERVICES[service]
    assert given["read_only"] is True
    assert given["cap_drop"] == ["ALL"]
    assert all(port.startswith("127.0.0.1:") for port in given.get("ports", [])), "its users need no password"


def test_both_streamers_send_what_the_writer_writes_also_after_a_restart_of_the_aws() -> None:
    running: dict[str, Process] = {}
    endpoint = ""
    ports: dict[str, int] = {}
    started: dict[str, tuple[list[str], dict[str, str]]] = {}
    with ExitStack() as stack:
        for name in order():
            service = SERVICES[name]
            asked = {key: value.replace("http://aws:5000", endpoint) for key, value in service["environment"].items()}
            environment = {"PATH": os.environ["PATH"], "SSE_HOST": "127.0.0.1", "SSE_PORT": "0", **asked}
            extra = ["--host", "127.0.0.1", "--port", "0"] if name == "aws" else []
            started[name] = [*command(service), *extra], environment
            process = running[name] = stack.enter_context(Process(*started[name]))
            if name == "aws":
                port = process.line("listening")["port"]
                endpoint = f"http://127.0.0.1:{port}"
                kind, first, *others = service["healthcheck"]["test"]
                assert kind == "CMD"
                check = [*HERE[first], *[each.replace(":5000", f":{port}") for each in others]]
                subprocess.run(check, check=True, timeout=WATCHDOG)
            elif name == "tables":
                assert running.pop(name).wait() == 0
            elif name in STREAMERS:
                ports[name] = process.line("serving")["port"]
        for name in STREAMERS:
            assert first_events(ports[name], "sentiment_update")[0] == "connected"
        os.kill(running["aws"].pid, signal.SIGKILL)
        running["aws"].wait()
        assert running["writer"].wait() != 0
        aws, environment = started["aws"]
        again = [*aws[:-1], endpoint.rpartition(":")[2]], environment
        running["aws"] = stack.enter_context(Process(*again))
        running["aws"].line("listening")
        exists = LocalClients(endpoint).dynamodb().get_waiter("table_exists")
        exists.wait(TableName=environment["SENTIMENT_TABLE"], WaiterConfig={"Delay": 1, "MaxAttempts": int(WATCHDOG)})
        running["writer"] = stack.enter_context(Process(*started["writer"]))  # as Docker does, until it goes on
        for name in STREAMERS:
            assert "sentiment_update" in first_events(ports[name], "sentiment_update", replay=0)
        assert {name: running[name].stop() for name in [*STREAMERS, "writer", "relay", "aws"]} == dict.fromkeys(
            running, 0
        )
