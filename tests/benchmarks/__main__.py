"""`make bench`: every benchmark, one table each. ARGS="path relay" runs only these, ARGS="soak --minutes 1" the soak
with options.

Numbers of one run on one machine: compare within a table, quote ratios.
"""

from __future__ import annotations

import platform
import sys
from importlib import import_module

BENCHMARKS = (
    "startup",
    "path",
    "relay",
    "decode",
    "aws_calls",
    "snapshot",
    "resumes",
    "slow_reader",
    "page",
    "many",
    "come_back",
    "fan_out",
)
ON_REQUEST = ("quick", "soak")
"""Run where they are named."""
WITH_OPTIONS = "soak"


def main(arguments: list[str]) -> int:
    """Runs the named benchmarks, or all. What follows WITH_OPTIONS are its options."""
    at = arguments.index(WITH_OPTIONS) + 1 if WITH_OPTIONS in arguments else len(arguments)
    names, options = arguments[:at], arguments[at:]
    unknown = set(names) - {*BENCHMARKS, *ON_REQUEST}
    if unknown:
        print(
            f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join((*BENCHMARKS, *ON_REQUEST))}",
            file=sys.stderr,
        )
        return 2
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    for name in names or BENCHMARKS:
        print()
        module = import_module(f"tests.benchmarks.{name}")
        if name == WITH_OPTIONS:
            module.main(options)
        else:
            module.main()
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
