"""A test that hangs fails alone, and says where it stands and what its processes said; the run goes on.

pytest-timeout keeps the limits (its ini option and its marker); this plugin says what happens when one is reached:

1. After the limit the test fails at the place where it waits, so that its `finally` blocks and fixtures end what it
   started. The failure shows the stacks of all threads and tasks, and the last lines of the processes that the test
   reads. A callback of asyncio can swallow the failure: it is raised again every 30 s.
2. What was started while it ran and has not ended is killed; what its fixtures started is theirs to end.
3. If the test has not even ended 120 s later, the process says the same on standard error and exits. pytest-xdist then
   reports the test as crashed, and goes on with another worker.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import Any, Final

import pytest

AGAIN: Final = 30.0
"""Seconds between failures, if one is swallowed."""
LAST: Final = 120.0
"""Seconds that a test has to end once it has failed."""
TAIL: Final = 40
"""Lines of each process that are shown."""

_heard: dict[str, Callable[[], str]] = {}


@contextmanager
def overheard(name: str, said: Callable[[], str]) -> Iterator[None]:
    """Shows what a process has said, if the test hangs before the block ends."""
    key = f"{name} #{len(_heard)}"
    _heard[key] = said
    try:
        yield
    finally:
        _heard.pop(key, None)


def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> bool:
    """Called by pytest-timeout before a test."""
    item.stash[_KEY] = watch = _Watch(item, float(settings.timeout))
    watch.begin()
    return True


def pytest_timeout_cancel_timer(item: pytest.Item) -> bool:
    """Called by pytest-timeout after a test, and when it fails; a test without a timeout has no watch."""
    if _KEY in item.stash:
        item.stash[_KEY].end()
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Called by pytest when the fixtures of a test stand."""
    if _KEY in item.stash:
        item.stash[_KEY].since = ticks()


class _Watch:
    def __init__(self, item: pytest.Item, limit: float) -> None:
        self.since = ticks()
        """What is started from then on is the test's own."""
        self._item = item
        self._limit = limit
        self._hung = False
        self._last = threading.Timer(limit + float(os.environ.get("HANG_LAST", LAST)), self._exit)
        self._last.daemon = True

    def begin(self) -> None:
        signal.signal(signal.SIGALRM, self._fail)
        signal.setitimer(signal.ITIMER_REAL, self._limit, AGAIN)
        self._last.start()

    def end(self) -> None:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        self._last.cancel()
        if self._hung:
            kill(started_since(self.since))

    def _fail(self, _number: int, frame: FrameType | None) -> None:
        report = "" if self._hung else self._report(frame)
        self._hung = True
        pytest.fail(f"{self._item.nodeid} did not end within {self._limit:g} s\n{report}", pytrace=True)

    def _exit(self) -> None:
        capture = self._item.config.pluginmanager.getplugin("capturemanager")
        with suppress(Exception):
            capture.suspend_global_capture(in_=True)
        os.write(2, f"\n{self._item.nodeid} cannot be ended\n{self._report(None)}\n".encode())
        kill(started_since(self.since))
        os._exit(1)

    def _report(self, frame: FrameType | None) -> str:
        return "\n".join([*_threads(frame), *_tasks(), *_processes()])


_KEY: Final = pytest.StashKey[_Watch]()


def _threads(interrupted: FrameType | None) -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, top in sys._current_frames().items():
        frame = interrupted if interrupted is not None and ident == threading.get_ident() else top
        yield f"--- thread {names.get(ident, ident)}"
        yield "".join(traceback.format_stack(frame)).rstrip()


def _tasks() -> Iterator[str]:
    loop = asyncio._get_running_loop()
    for task in asyncio.all_tasks(loop) if loop is not None else ():
        yield f"--- task {task.get_name()}: {task.get_coro()}"
        for frame in task.get_stack():
            yield "".join(traceback.format_stack(frame, limit=1)).rstrip()


def _processes() -> Iterator[str]:
    for name, said in _heard.items():
        yield f"--- {name} said last"
        try:
            yield "\n".join(said().splitlines()[-TAIL:])
        except Exception as error:  # the report must not fail for it
            yield f"(cannot be told: {error!r})"


def ticks() -> int:
    """The time since the machine was started, in the unit in which proc(5) dates processes."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * os.sysconf("SC_CLK_TCK"))


def started_since(moment: int) -> list[int]:
    """The processes below this one that were started at that moment or later."""
    children: dict[int, list[tuple[int, int]]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError, ValueError, IndexError):
            fields = entry.read_text().rpartition(")")[2].split()  # proc(5): the state, the parent, ...
            children.setdefault(int(fields[1]), []).append((int(entry.parent.name), int(fields[19])))
    found: list[int] = []
    below = [os.getpid()]
    while below:
        for pid, started in children.get(below.pop(), []):
            below.append(pid)
            if started >= moment:
                found.append(pid)
    return found


def kill(processes: Iterable[int]) -> None:
    """Ends them at once."""
    for pid in processes:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
