"""`streamer doctor` behind real proxies, whose faults are found and named with the remedy for this proxy."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from streamer.streams.timing import Timing
from streamer.tools.doctor import wire
from tests.browser.tools import tool
from tests.integration.rig import running
from tests.integration.test_doctor import examine
from tests.watchdog import WATCHDOG

pytestmark = pytest.mark.slow("behind real proxies, for as long as a proxy's timeouts")

ADDRESS: Final = "127.0.0.77"
"""Of this test alone, so that nobody takes its ports between the choice and the start."""
_PATH: Final = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin"])
_NGINX: Final = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {servers}
}}
"""
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
def proxied(proxy: str, folder: Path, upstream: int, options: Sequence[str]) -> Iterator[list[str]]:
    """Runs one proxy with a server for each of the options; their URLs."""
    path = tool(proxy, shutil.which(proxy, path=_PATH), proxy)
    with socket.socket() as first:
        first.bind((ADDRESS, 0))
        ports = [first.getsockname()[1]]
        while len(ports) < len(options):
            with socket.socket() as other:
                other.bind((ADDRESS, 0))
                ports.append(other.getsockname()[1])
    config = folder / "proxy.conf"
    if proxy == "nginx":
        servers = "\n".join(
            f"server {{ listen {ADDRESS}:{port}; location / {{ proxy_pass http://127.0.0.1:{upstream}; {option} }} }}"
            for port, option in zip(ports, options, strict=True)
        )
        config.write_text(_NGINX.format(folder=folder, servers=servers))
        command = [path, "-c", str(config), "-p", str(folder)]
    else:
        defaults = "defaults\n mode http\n timeout connect 10s\n timeout client 100s\n"
        config.write_text(
            defaults
            + "".join(
                f"listen p{port}\n bind {ADDRESS}:{port}\n {option}\n server it 127.0.0.1:{upstream}\n"
                for port, option in zip(ports, options, strict=True)
            )
        )
        command = [path, "-db", "-f", str(config)]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for port in ports:
                _listens(process, port, folder / "log")
            yield [f"http://{ADDRESS}:{port}/api/v2/stream" for port in ports]
        finally:
            process.terminate()
            process.wait(WATCHDOG)


def _listens(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    for _ in range(int(WATCHDOG * 100)):
        with socket.socket() as sock:
            if sock.connect_ex((ADDRESS, port)) == 0:
                return
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"it does not listen: {log.read_text()}")


@pytest.mark.parametrize(("proxy", "rows"), [("nginx", NGINX), ("haproxy", HAPROXY)], ids=["nginx", "haproxy"])
async def test_the_faults_of_a_proxy_are_named_with_its_remedy(
    proxy: str,
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
