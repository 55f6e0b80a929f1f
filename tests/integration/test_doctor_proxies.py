"""`streamer doctor` behind real proxies, whose faults are found and named with the remedy for this proxy."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from streamer.streams.timing import Timing
from streamer.tools.doctor import wire
from tests.integration.proxies import Proxy, started
from tests.integration.rig import running
from tests.integration.test_doctor import examine

pytestmark = pytest.mark.slow("behind real proxies, for as long as a proxy's timeouts")

ADDRESS: Final = "127.0.0.77"
"""Of this test alone, so that nobody takes its ports between the choice and the start."""
NGINX: Final = {
    "": None,
    "proxy_ignore_headers X-Accel-Buffering;": ("buffering", "did not come within", "proxy_buffering off"),
    "gzip on; gzip_types text/event-stream; proxy_http_version 1.1;": ("compression", "gzip when", "gzip_types"),
    'proxy_set_header Last-Event-ID "";': ("resume", "did not receive it", "nginx: no proxy_set_header Last-Event-ID"),
    "add_header Cache-Control no-cache;": ("headers", "cache-control comes 2 times", "add_header"),
}
HAPROXY: Final = {
    "timeout server 100s": None,
    "timeout server 1s": ("idle", "cut after", "HAProxy: `timeout client`"),
}


@contextmanager
def proxied(proxy: Proxy, folder: Path, upstream: int, options: Sequence[str]) -> Iterator[list[str]]:
    """Runs one proxy with a server for each of the options; their URLs."""
    with socket.socket() as first:
        first.bind((ADDRESS, 0))
        ports = [first.getsockname()[1]]
        while len(ports) < len(options):
            with socket.socket() as other:
                other.bind((ADDRESS, 0))
                ports.append(other.getsockname()[1])
    if proxy == "nginx":
        content = "\n".join(
            f"server {{ listen {ADDRESS}:{port}; location / {{ proxy_pass http://127.0.0.1:{upstream}; {option} }} }}"
            for port, option in zip(ports, options, strict=True)
        )
    else:
        content = "defaults\n mode http\n timeout connect 10s\n timeout client 100s\n" + "".join(
            f"listen p{port}\n bind {ADDRESS}:{port}\n {option}\n server it 127.0.0.1:{upstream}\n"
            for port, option in zip(ports, options, strict=True)
        )
    with started(proxy, folder, content, [(ADDRESS, port) for port in ports]):
        yield [f"http://{ADDRESS}:{port}/api/v2/stream" for port in ports]


@pytest.mark.parametrize(("proxy", "rows"), [("nginx", NGINX), ("haproxy", HAPROXY)], ids=["nginx", "haproxy"])
async def test_the_faults_of_a_proxy_are_named_with_its_remedy(
    proxy: Proxy,
    rows: dict[str, tuple[str, str, str] | None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(wire, "HEAD_SECONDS", 8.0)  # nginx holds the head back with the body
    async with running(timing=Timing(sweep=0.02)) as rig:
        rig.publish(*["positive", "negative"] * 5)
        with proxied(proxy, tmp_path, rig.port, list(rows)) as urls:
            seen = await asyncio.gather(*(examine(url, quiet=4.0) for url in urls))
    for (option, expected), found in zip(rows.items(), seen, strict=True):
        faults = {check: each for check, each in found.items() if each.verdict == "fault"}
        if expected is None:
            assert faults == {}, option
            continue
        check, evidence, remedy = expected
        assert check in faults, (option, found)
        assert evidence in faults[check].evidence, option
        assert remedy in faults[check].remedy, option
