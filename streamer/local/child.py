"""The inside of a child process: `python -m streamer.local.child ROLE`.

It loads what its role needs, reads one line of JSON from standard input, and plays its role until that input ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from streamer.local.roles import ROLES
from streamer.telemetry.logs import configure

_GRACE: Final = 2.5
"""Seconds in which a role has to end: with its parent killed, nobody else would see to it."""


def main(name: str) -> int:
    """Runs one role; returns the process's exit code."""
    configure("INFO", "json")
    role = ROLES[name]()
    role.load()
    line = sys.stdin.buffer.readline()
    if not line:
        return 0  # the parent went before it needed us
    orders = json.loads(line)
    os.environ.update(orders["environment"])
    threading.Thread(target=_hold_leash, args=(role.end,), name="leash", daemon=True).start()
    return role.play(orders["order"])


def _hold_leash(end: Callable[[], None]) -> None:
    while os.read(0, 4096):
        pass
    end()
    time.sleep(_GRACE)
    os._exit(70)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
