"""The image, built and run: it streams as somebody who is not root, from a root that cannot be written, and ends well.

It needs root, buildah and mmdebstrap, and takes most of a minute: it is skipped where `REQUIRE_TOOLS` does not name
buildah.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import pytest

from streamer import __version__
from streamer.local.clients import LocalClients
from streamer.local.provision import provision
from streamer.local.resources import Resources
from tests.browser.tools import tool
from tests.image.image import Image, built
from tests.moto_in_process import moto_in_process
from tests.watchdog import WATCHDOG

pytestmark = [
    pytest.mark.slow("builds the image"),
    pytest.mark.timeout(1_200),  # a base, and what pip downloads: a slow mirror is no failure
]

NOT_ROOT = 10001


@pytest.fixture(scope="module")
def adapter() -> bytes:
    """The real adapter where `LAMBDA_ADAPTER` names it, else something in its place."""
    named = os.environ.get("LAMBDA_ADAPTER")
    return Path(named).read_bytes() if named else b"#!/bin/sh\n"


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory, adapter: bytes) -> Iterator[Image]:
    wanted = "buildah" in os.environ.get("REQUIRE_TOOLS", "").replace(",", " ").split()
    if not wanted:
        pytest.skip("building the image takes a minute and root: REQUIRE_TOOLS=buildah asks for it")
    for name in ("buildah", "mmdebstrap", "unshare"):
        tool("buildah", shutil.which(name), f"apt install buildah mmdebstrap util-linux; {name} is missing")
    tool("buildah", "root" if os.geteuid() == 0 else None, "to be run by root, which the base and the mounts need")
    with built(tmp_path_factory.mktemp("image"), adapter) as made:
        yield made


@pytest.fixture(scope="module")
def resources() -> Iterator[Resources]:
    with moto_in_process() as endpoint:
        yield provision(endpoint, suffix="-image")


def events(answer: HTTPResponse) -> Iterator[str]:
    """The names of a stream's events, to its end."""
    while line := answer.readline():
        if line.startswith(b"event: "):
            yield line.removeprefix(b"event: ").decode().strip()


def answered(connection: HTTPConnection, path: str) -> HTTPResponse:
    connection.request("GET", path)
    return connection.getresponse()


def queues(resources: Resources) -> list[str]:
    sqs = LocalClients(resources.endpoint_url).sqs()
    try:
        return sqs.list_queues(QueueNamePrefix="sentiment-stream").get("QueueUrls", [])
    finally:
        sqs.close()


def test_it_says_what_it_is(image: Image, adapter: bytes) -> None:
    config = image.config
    assert config["User"] == f"{NOT_ROOT}:{NOT_ROOT}"
    assert config["Entrypoint"] == ["streamer", "serve"]
    assert [port.removesuffix("/tcp") for port in config["ExposedPorts"]] == ["8080"]
    assert config["Labels"]["org.opencontainers.image.version"] == __version__
    environment = dict(each.split("=", 1) for each in config["Env"])
    assert {name: environment[name] for name in environment if name.startswith(("SSE_", "AWS_"))} == {
        "SSE_HOST": "0.0.0.0",  # noqa: S104 - of a container
        "SSE_PORT": "8080",
        "AWS_LWA_INVOKE_MODE": "response_stream",
        "AWS_LWA_PORT": "8080",
        "AWS_LWA_READINESS_CHECK_PATH": "/health/ready",
        "AWS_LWA_READINESS_CHECK_HEALTHY_STATUS": "200-299",
    }
    extension = image.root / "opt" / "extensions" / "lambda-adapter"
    assert extension.read_bytes() == adapter
    assert extension.stat().st_mode & 0o111 == 0o111
    print(f"the image's own files: {image.size / 1e6:.0f} MB")  # noqa: T201 - shown by pytest -s


def test_it_holds_the_service_and_nothing_else(image: Image) -> None:
    opt = image.root / "opt"
    assert sorted(path.name for path in opt.iterdir()) == ["dependencies", "extensions", "streamer"]
    packages = {path.name for path in (opt / "dependencies").iterdir()}
    assert not packages & {"pip", "bin", "moto", "typer", "pytest", "hatchling"}
    parts = {path.name for path in (opt / "streamer" / "streamer").iterdir()}
    assert not parts & {"local", "tools", "client"}
    unreadable = [path for path in opt.rglob("*") if not path.is_symlink() and not path.stat().st_mode & 0o004]
    assert not unreadable, "Lambda's user is nobody whom the image knows"
    sources = [path for path in opt.rglob("*.py") if "__pycache__" not in path.parts]
    uncompiled = [path for path in sources if not list((path.parent / "__pycache__").glob(f"{path.stem}.*.pyc"))]
    assert not uncompiled, "the root cannot be written: they would be compiled at every start"


def test_it_streams_read_only_without_root_and_ends_well(image: Image, resources: Resources) -> None:
    environment = resources.environment() | {"SSE_HOST": "127.0.0.1", "SSE_PORT": "0", "SSE_DRAIN_WINDOW": "0.2"}
    environment |= {"SSE_RECEIVE_WAIT": "1"}
    begun = time.perf_counter()
    with image.started(environment) as service:
        port = service.line("serving")["port"]
        listening = time.perf_counter() - begun
        service.line("ready")
        print(f"listening after {listening:.2f} s, ready {time.perf_counter() - begun:.2f} s")  # noqa: T201
        status = Path("/proc", str(service.pid), "status").read_text()
        assert f"Uid:\t{NOT_ROOT}\t{NOT_ROOT}\t{NOT_ROOT}\t{NOT_ROOT}\n" in status
        mounts = [line.split() for line in Path("/proc", str(service.pid), "mountinfo").read_text().splitlines()]
        assert [mount[5].split(",")[0] for mount in mounts if mount[4] == "/"] == ["ro"]
        command = Path("/proc", str(service.pid), "cmdline").read_bytes().split(b"\0")
        assert b"/opt/streamer/bin/streamer" in command, "the service itself gets the signal, no shell before it"
        connection = HTTPConnection("127.0.0.1", port, timeout=WATCHDOG)
        stream = events(answered(connection, "/api/v2/stream"))
        assert next(stream) == "connected"
        assert len(queues(resources)) == 1
        assert service.stop() == 0
        assert "closing" in list(stream)
        connection.close()
    assert queues(resources) == []
