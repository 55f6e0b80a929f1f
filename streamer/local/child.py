"""Runs a part in a child process, which also ends if its parent is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Protocol

_LAST_LINES: Final = 20
_LOOPBACK: Final = "127.0.0.1,localhost"


class ChildListener(Protocol):
    """Receives the output and the exit code of children. Called in a thread of the child."""

    def line(self, part: str, line: str) -> None:
        """Called with each line of output."""

    def ended(self, part: str, code: int) -> None:
        """Called after the last line with the exit code (a negative signal number if the child was killed)."""


class Child:
    """A process of `python -m streamer.local.part --child PART`. It imports its modules at once and runs after `begin`.

    It ends when its standard input is closed: by `release`, or by the end of this process.
    """

    def __init__(
        self, part: str, *options: str, listener: ChildListener | None = None, pass_fd: int | None = None
    ) -> None:
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._part = part
        self._listener = listener
        self._process = subprocess.Popen(
            # -P: a file in the working directory must not shadow a module.
            [sys.executable, "-P", "-m", "streamer.local.part", "--child", part, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=clean_environment(os.environ),
            pass_fds=() if pass_fd is None else (pass_fd,),
            # A terminal sends Ctrl-C to its foreground process group; here the parent ends the children in order.
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, name=f"output of {part}", daemon=True)
        self._reader.start()

    def begin(self, environment: Mapping[str, str] | None = None) -> None:
        """Runs the part with `environment` added to its environment."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):  # the child has ended; the listener receives its exit code
            self._process.stdin.write(json.dumps(dict(environment or {})) + "\n")
            self._process.stdin.flush()

    def release(self) -> None:
        """Requests the child to end."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def kill(self) -> None:
        self._process.kill()

    def stop(self, timeout: float) -> None:
        """Requests the child to end, kills it after `timeout` seconds, and waits for the end of its output."""
        self.release()
        self._reader.join(timeout)
        if self._reader.is_alive():
            self.kill()
            self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with self._process.stdout as output:
            for line in output:
                self.last_lines.append(line.rstrip("\n"))
                if self._listener is not None:
                    self._listener.line(self._part, self.last_lines[-1])
        code = self._process.wait()
        if self._listener is not None:
            self._listener.ended(self._part, code)


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Returns the environment of a child: without AWS configuration, and without a proxy for loopback."""
    kept = {key: value for key, value in environ.items() if not key.startswith("AWS_")}
    proxied = ",".join(filter(None, [kept.get("NO_PROXY") or kept.get("no_proxy"), _LOOPBACK]))
    return kept | {
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "NO_PROXY": proxied,
        "no_proxy": proxied,
        "PYTHONUNBUFFERED": "1",
    }
