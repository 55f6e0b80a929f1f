"""Starts one of the servers on the server's core, says when it serves, and ends it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

from streamer.local.child import clean_environment
from streamer.local.ports import first_free
from tests.benchmarks.fan_out.machine import NGINX, cores, family, nchan_module, on_core

_ROOT = Path(__file__).parents[4]
_READY = 30.0
_ANSWER = 120.0  # of the status: a machine may be busy with other work for long
_GRACE = 0.5
_UNTUNED = "import gc; gc.freeze = gc.set_threshold = lambda *_: None; from streamer.cli import main; main()"


@dataclass(frozen=True, slots=True)
class Running:
    """A server that serves."""

    pid: int
    port: int


@contextmanager
def peer(name: str, files: int) -> Iterator[Running]:
    """One of the modules beside this one, or `nchan`."""
    port = first_free(0)
    with tempfile.TemporaryDirectory() as folder:
        if name == "nchan":
            command = [NGINX, "-p", folder, "-c", str(_nchan(Path(folder), port, files))]
        else:
            command = [sys.executable, "-m", f"tests.benchmarks.fan_out.servers.{name}", str(port)]
        with _process(command, {}) as process:
            deadline = time.monotonic() + _READY
            while not _answers(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{name} did not start; what it said is above")
                time.sleep(0.02)
            yield Running(process.pid, port)


def _nchan(folder: Path, port: int, files: int) -> Path:
    text = Path(__file__).with_name("nchan.conf").read_text()
    words = {"MODULE": nchan_module(), "FILES": files, "CONNECTIONS": 2 * files, "FOLDER": folder, "PORT": port}
    for word, value in words.items():
        text = text.replace(word, str(value))
    path = folder / "nginx.conf"
    path.write_text(text)
    folder.chmod(0o755)  # the worker is another user
    return path


class Service:
    """`streamer serve` with its log."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._lines: list[dict[str, object]] = []
        self._news = threading.Condition()
        threading.Thread(target=self._read, name="log of the service", daemon=True).start()

    def wait_for(self, message: str, **members: object) -> dict[str, object]:
        """The first log line with this message and these members. RuntimeError if none comes."""

        def found() -> dict[str, object] | None:
            for line in self._lines:
                if line.get("message") == message and members.items() <= line.items():
                    return line
            return None

        with self._news:
            line = self._news.wait_for(found, _READY)
        if not line:
            last = "\n".join(map(json.dumps, self._lines[-20:]))
            raise RuntimeError(f"the service did not say {message!r}:\n{last}")
        return line

    def _read(self) -> None:
        assert self._process.stderr is not None
        with self._process.stderr as log:
            for text in log:
                try:
                    line = json.loads(text)
                except ValueError:
                    line = {"text": text.decode(errors="replace")}
                with self._news:
                    self._lines.append(line)
                    del self._lines[:-1000]
                    self._news.notify_all()


@contextmanager
def service(environment: Mapping[str, str], *, untuned: bool = False) -> Iterator[tuple[Running, Service]]:
    """`streamer serve` as its users start it; it listens, has its queue, and has read the table. `untuned`: what it
    says to the garbage collector is not heard."""
    command = [sys.executable, *(["-c", _UNTUNED] if untuned else ["-m", "streamer.cli"]), "serve", "--port", "0"]
    with _process(command, environment, pipe=True) as process:
        said = Service(process)
        port = said.wait_for("serving")["port"]
        said.wait_for("lease taken")
        said.wait_for("ready")
        assert isinstance(port, int)
        yield Running(process.pid, port), said


def status(port: int) -> dict[str, object]:
    """What /api/v2/stream/status says."""
    with build_opener(ProxyHandler({})).open(
        f"http://127.0.0.1:{port}/api/v2/stream/status", timeout=_ANSWER
    ) as answer:
        found: dict[str, object] = json.load(answer)
        return found


@contextmanager
def _process(
    command: list[str], environment: Mapping[str, str], *, pipe: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    with on_core(cores().server):
        process = subprocess.Popen(
            command,
            cwd=_ROOT,
            env=clean_environment(os.environ) | dict(environment),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE if pipe else None,
            process_group=0,  # Ctrl-C is for the parent, who ends everybody
        )
    try:
        yield process
    finally:
        everybody = family(process.pid)
        process.terminate()
        try:
            process.wait(_GRACE)
        except subprocess.TimeoutExpired:  # a server that waits for streams or for its queue has nothing to lose here
            for pid in everybody:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.wait()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
