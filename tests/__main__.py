"""`make test` and `make test-slow`: the tests in as many processes as keep the machine busy. With arguments: pytest
with these, in one process.

Each file is one process's, so that what its tests share is started once. Files that take long come first.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Final

TIERS: Final = {"": "not slow", "--slow": "slow"}
ALL_SLOW: Final = ("chaos", "image", "packages", "terraform", "versions")
"""Folders of which the first tier needs nothing."""


def main(arguments: list[str]) -> int:
    """Runs the tests of a tier, or those that the arguments name, and returns pytest's exit code."""
    tier = arguments.pop(0) if arguments[:1] == ["--slow"] else ""
    command = [sys.executable, "-m", "pytest", "-m", TIERS[tier]]
    if not arguments:
        # Most integration tests wait for a process of their own: more workers than there are cores.
        arguments = ["-n", str((os.cpu_count() or 1) + 2), "--dist", "loadfile", "--no-loadscope-reorder"]
        if not tier:
            arguments += [f"--ignore=tests/{folder}" for folder in ALL_SLOW]
    return subprocess.call([*command, *arguments])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
