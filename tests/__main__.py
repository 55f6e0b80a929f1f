"""`make test` and `make test-slow`: the tests in as many processes as keep the machine busy. With arguments: pytest
with these, in one process.

Each file is one process's, so that what its tests share is started once. Files that take long come first. The first run
compiles the tests before it starts these processes, since each of them would compile everything.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

TIERS: Final = {"": "not slow", "--slow": "slow"}
ALL_SLOW: Final = ("chaos", "image", "packages", "terraform", "versions")
"""Folders of which the first tier needs nothing."""


HALVES: Final = (("tests/unit",), ("tests/browser", "tests/contract", "tests/integration"))
"""Of the first tier's files, in the time that it takes to compile them and what they import."""


def compile_once() -> None:
    """Compiles the tests and what they import, if that was never done, in two processes."""
    if (Path(__file__).parent / "__pycache__").is_dir():
        return
    collecting = [sys.executable, "-m", "pytest", "--collect-only", "--quiet"]
    for process in [subprocess.Popen([*collecting, *half], stdout=subprocess.DEVNULL) for half in HALVES]:
        process.wait()


def main(arguments: list[str]) -> int:
    """Runs the tests of a tier, or those that the arguments name, and returns pytest's exit code."""
    tier = arguments.pop(0) if arguments[:1] == ["--slow"] else ""
    command = [sys.executable, "-m", "pytest", "-m", TIERS[tier]]
    if not arguments:
        # Most integration tests wait for a process of their own: more workers than there are cores.
        arguments = ["-n", str((os.cpu_count() or 1) + 2), "--dist", "loadfile", "--no-loadscope-reorder"]
        compile_once()
        if not tier:
            arguments += [f"--ignore=tests/{folder}" for folder in ALL_SLOW]
    return subprocess.call([*command, *arguments])


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
