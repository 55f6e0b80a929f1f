"""The inside of a container: `python -m tests.chaos.broken NAME serve ...`.

It breaks one mechanism (`nothing` breaks none) and calls the command line. The gate has to turn red for each: a test
that cannot fail shows nothing. Its standard input is a leash: when that ends, so does it, however the gate ended.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Final

from streamer import cli


def _setting(key: str, value: str) -> Callable[[], None]:
    def apply() -> None:
        os.environ[key] = value

    return apply


def _nothing() -> None:
    pass


def _later() -> None:
    raise NotImplementedError("this mechanism is not there yet, so it cannot be broken")


BROKEN: Final[dict[str, Callable[[], None]]] = {
    "nothing": _nothing,
    "no-verification": _setting("SSE_VERIFY_INTERVAL", "86400"),
    "watermark-from-relayed-at": _later,
    "margin-0": _setting("SSE_PROOF_MARGIN", "0"),
    "canary-ignored": _setting("SSE_CANARY_TIMEOUT", "86400"),
    "no-lease-repair": _later,
    "index-believed": _later,
    "id-on-connected": _later,
}


def _hold_leash() -> None:
    while os.read(0, 4096):
        pass
    os._exit(70)


def main(name: str, arguments: list[str]) -> None:
    """Breaks one thing and goes on as `streamer` does."""
    BROKEN[name]()
    threading.Thread(target=_hold_leash, name="leash", daemon=True).start()
    cli.main(arguments)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
