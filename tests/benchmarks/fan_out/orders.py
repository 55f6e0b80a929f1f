"""Orders to a process of the benchmark: a line of JSON on its standard input, answered by a line on its output."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from tests.benchmarks.fan_out.machine import cores, on_core

_ROOT = Path(__file__).parents[3]
_LONGEST = 120.0
"""Seconds for one order, after which the process is taken for dead."""


def obey(orders: Mapping[str, Callable[..., dict[str, Any]]], *, meanwhile: Callable[[], None]) -> None:
    """Does what it is told until its input ends; between two orders it calls `meanwhile`, again and again."""
    rest = b""
    while True:
        while b"\n" in rest:
            line, _, rest = rest.partition(b"\n")
            order = json.loads(line)
            answer = orders[order.pop("do")](**order)
            print(json.dumps(answer), flush=True)
        if select.select([0], [], [], 0)[0]:
            read = os.read(0, 65_536)
            if not read:
                return
            rest += read
        else:
            meanwhile()


class Worker:
    """A process that obeys, on the load's core. It ends with the block, and with this process."""

    def __init__(self, module: str, *arguments: str) -> None:
        with on_core(cores().load):
            self._process = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=_ROOT,
                process_group=0,  # Ctrl-C is for the parent, who ends everybody
            )

    def tell(self, do: str, **order: Any) -> None:
        """Gives an order whose answer is asked for later."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()

    def answer(self) -> dict[str, Any]:
        """The answer to the oldest order that has not been answered. RuntimeError if there will be none."""
        assert self._process.stdout is not None
        watchdog = threading.Timer(_LONGEST, self._process.kill)
        watchdog.start()
        try:
            line = self._process.stdout.readline()
        finally:
            watchdog.cancel()
        if not line:
            raise RuntimeError("a process of the benchmark has ended; what it said is above")
        found: dict[str, Any] = json.loads(line)
        return found

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """Gives an order and waits for its answer."""
        self.tell(do, **order)
        return self.answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()
