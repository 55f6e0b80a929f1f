"""What is measured on, and with: cores, limits, versions, and what /proc says of a process."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path

_OTHER_FILES = 200
NGINX = "/usr/sbin/nginx"  # where Debian has it; not on every user's path


class TooFewFiles(Exception):
    """The hard limit of open files does not allow the run; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Cores:
    """Which core the server has, and which the load."""

    server: int
    load: int


@cache
def cores() -> Cores:
    """The first two that this process may use. RuntimeError where there is one only: its numbers would mean nothing."""
    allowed = sorted(os.sched_getaffinity(0))
    if len(allowed) < 2:
        raise RuntimeError("the fan-out benchmark needs two cores: one for the server, one for its clients")
    return Cores(allowed[0], allowed[1])


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """What is started inside inherits the core; this thread is put back afterwards."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def allow_files(streams: int) -> None:
    """Raises the soft limit of open files for this process and those it starts. TooFewFiles where that cannot be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = streams + _OTHER_FILES
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    if hard != resource.RLIM_INFINITY and hard < wanted:
        raise TooFewFiles(
            f"{streams:,} streams need {wanted:,} open files, and the hard limit is {hard:,}:"
            f" raise it (ulimit -Hn {wanted})"
        )
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def family(pid: int) -> list[int]:
    """A process with its children and theirs."""
    found = [pid]
    for task in _entries(f"/proc/{pid}/task"):
        with suppress(OSError):
            for child in Path(f"/proc/{pid}/task/{task}/children").read_text().split():
                found += family(int(child))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU that all threads of the processes have used: the scheduler's nanoseconds, or ticks where it keeps none."""
    return sum(_cpu(pid) for pid in pids)


def _cpu(pid: int) -> float:
    try:
        threads = _entries(f"/proc/{pid}/task")
        return sum(int(Path(f"/proc/{pid}/task/{one}/schedstat").read_text().split()[0]) for one in threads) / 1e9
    except FileNotFoundError:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_kb(pids: Iterable[int]) -> int:
    """Resident memory of the processes, as /proc/PID/smaps_rollup counts it (a page shared by two counts half in
    each)."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def described() -> list[tuple[str, str]]:
    """The machine and the versions, as rows of a table."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), "unknown"
    )
    packages = ("uvicorn", "uvloop", "httptools", "fastapi", "starlette", "sse-starlette")
    return [
        ("processor", f"{model}, {os.cpu_count()} cores ({platform.machine()})"),
        ("kernel", f"{platform.system()} {platform.release()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("packages", ", ".join(f"{name} {version(name)}" for name in packages)),
        ("nchan", nchan_version() or "missing"),
    ]


@cache
def nchan_version() -> str | None:
    """Of Debian's packages, or None where nginx or its module is missing."""
    if nchan_module() is None:
        return None
    try:
        said = subprocess.run([NGINX, "-v"], capture_output=True, text=True, check=True).stderr
        packaged = subprocess.run(
            ["/usr/bin/dpkg-query", "-W", "-f", "${Version}", "libnginx-mod-nchan"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{packaged or 'unknown'} on nginx {said.strip().rpartition('/')[2]}"


def nchan_module() -> Path | None:
    """Where Debian puts nchan's module for nginx; None where it is not installed."""
    path = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
    return path if path.exists() else None


def _entries(folder: str) -> list[str]:
    return [entry.name for entry in Path(folder).iterdir()]


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []
