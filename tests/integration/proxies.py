"""nginx and HAProxy in front of a service. Those of `proxied` keep connections to it, and listen on Unix sockets."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from tests.browser.tools import tool
from tests.watchdog import WATCHDOG

Proxy = Literal["nginx", "haproxy"]
Address = str | tuple[str, int]
"""The path of a Unix socket, or host and port."""

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
{content}
}}
"""
_NGINX_SERVICES: Final = """
    large_client_header_buffers 8 64k;
    client_body_timeout 2s;
    client_header_timeout 2s;
    map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
"""
_NGINX_SERVER: Final = """
    upstream {name} {{ server 127.0.0.1:{port}; keepalive 8; }}
    server {{
        listen unix:{folder}/{name}.sock;
        location / {{
            proxy_pass http://{name};
            proxy_bind {source};
            proxy_http_version 1.1;
            proxy_set_header Host $host;
            proxy_set_header Upgrade $http_upgrade;
            proxy_set_header Connection $connection_upgrade;
            proxy_buffering off;
            {extra}
        }}
    }}
"""
_HAPROXY: Final = """
global
    tune.bufsize 131072
    tune.http.maxhdr 3000
defaults
    mode http
    timeout connect 10s
    timeout client 2s
    timeout server 100s
    http-reuse always
"""
_HAPROXY_SERVER: Final = """
listen {name}
    bind unix@{folder}/{name}.sock
    {extra}
    server it 127.0.0.1:{port} source {source}
"""


@dataclass(frozen=True, slots=True)
class Behind:
    """A service behind a proxy: its port, the address that the proxy speaks from, a user that it says in a header."""

    port: int
    source: str
    secret: str | None = None
    """The gateway's, which the proxy adds; then it deletes X-User-ID."""


@contextmanager
def proxied(proxy: Proxy, folder: Path, services: Mapping[str, Behind]) -> Iterator[Mapping[str, str]]:
    """Runs one proxy before services; the paths of its sockets by the services' names."""
    servers = "".join(_server(proxy, folder, name, behind) for name, behind in services.items())
    sockets = {name: str(folder / f"{name}.sock") for name in services}
    with started(proxy, folder, (_NGINX_SERVICES if proxy == "nginx" else _HAPROXY) + servers, sockets.values()):
        folder.chmod(0o755)
        yield sockets


@contextmanager
def started(proxy: Proxy, folder: Path, content: str, listening: Iterable[Address]) -> Iterator[None]:
    """Runs one proxy until the block ends. `content`: its configuration, for nginx that of the block `http`.
    `listening`: where it then listens."""
    path = tool(proxy, shutil.which(proxy, path=_PATH), proxy)
    config = folder / f"{proxy}.conf"
    config.write_text(_NGINX.format(folder=folder, content=content) if proxy == "nginx" else content)
    command = [path, "-c", str(config), "-p", str(folder)] if proxy == "nginx" else [path, "-db", "-f", str(config)]
    with (folder / f"{proxy}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            for address in listening:
                _listens(process, address, folder / f"{proxy}.log")
            yield
        finally:
            process.terminate()
            process.wait(WATCHDOG)


def _server(proxy: Proxy, folder: Path, name: str, behind: Behind) -> str:
    extra = ""
    if behind.secret is not None and proxy == "nginx":
        extra = f'proxy_set_header X-User-ID ""; proxy_set_header X-Gateway-Secret "{behind.secret}";'
    elif behind.secret is not None:
        extra = f"http-request del-header X-User-ID\n    http-request set-header X-Gateway-Secret {behind.secret}"
    form = _NGINX_SERVER if proxy == "nginx" else _HAPROXY_SERVER
    return form.format(folder=folder, name=name, port=behind.port, source=behind.source, extra=extra)


def _listens(process: subprocess.Popen[bytes], address: Address, log: Path) -> None:
    for _ in range(int(WATCHDOG * 100)):
        with socket.socket(socket.AF_UNIX if isinstance(address, str) else socket.AF_INET) as sock:
            if sock.connect_ex(address) == 0:
                return
        try:
            process.wait(0.01)
        except subprocess.TimeoutExpired:
            continue
        break
    raise AssertionError(f"it does not listen: {log.read_text()}")
