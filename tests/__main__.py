"""`make test`: every test. With arguments, pytest with these.

Terraform's tests wait for minutes on an emulator that has nothing to do: they run beside the others, in a process of
their own, and say what they have to say at the end.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile

BESIDE = "tests/terraform"


def main(arguments: list[str]) -> int:
    """Runs the tests and returns the exit code: pytest's first that is not 0."""
    pytest = [sys.executable, "-m", "pytest"]
    if arguments:
        return subprocess.call([*pytest, *arguments])
    with tempfile.TemporaryFile() as said:
        beside = subprocess.Popen(
            ["nice", *pytest, BESIDE, "-p", "no:cacheprovider"],  # noqa: S607 - the others' clocks are real
            stdout=said,
            stderr=subprocess.STDOUT,
        )
        try:
            first = subprocess.call([*pytest, f"--ignore={BESIDE}"])
            second = beside.wait()
        finally:
            if beside.poll() is None:
                beside.send_signal(signal.SIGINT)
                beside.wait()
            said.seek(0)
            sys.stdout.flush()
            sys.stdout.buffer.write(said.read())
            sys.stdout.flush()
    return first or second


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
