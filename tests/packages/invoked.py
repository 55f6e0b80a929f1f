"""What Lambda's runtime does with a zip, as a script: `python -I -S invoked.py ZIP_FOLDER RUNTIME_FOLDER HANDLER`.

Only the zip's folder and what the runtime ships beside it can be imported. Reads events, one line of JSON each; the
first line of the answer says how the import went, each further one is the handler's answer to an event.
"""

from __future__ import annotations

import json
import sys
import time
from importlib import import_module
from typing import Any


class Context:
    """The second argument of a handler."""

    aws_request_id = "e1506fd5-9e7b-434f-bd42-4f8fa224b599"
    function_name = "of-the-test"

    def get_remaining_time_in_millis(self) -> int:
        """Of 30 s."""
        return 30_000


def main(package: str, runtime: str, handler: str) -> None:
    """Answers every event; an exception of the handler's ends it."""
    sys.dont_write_bytecode = True
    sys.path[:0] = [package, runtime]
    module, _, name = handler.rpartition(".")
    begun = time.perf_counter()
    function: Any = getattr(import_module(module), name)
    say({"import_ms": round((time.perf_counter() - begun) * 1000)})
    for line in sys.stdin:
        say(function(json.loads(line), Context()))


def say(answer: object) -> None:
    """One line."""
    print(json.dumps(answer), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
