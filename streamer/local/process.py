"""A child process that ends with its parent, however the parent ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any, Final

_LAST_LINES: Final = 20
_LOOPBACK: Final = "127.0.0.1,localhost"


class Child:
    """One `python -m streamer.local.child ROLE`. It loads its modules at once and begins when told to `go`.

    Its standard input is the leash: when that ends, because we closed it or because this process died, so does it.
    `on_line` gets each line of its output, `on_end` its exit code (negative: the signal) when the last line was read;
    both are called in a thread of the child's own.
    """

    def __init__(
        self,
        role: str,
        *,
        pass_fds: Collection[int] = (),
        on_line: Callable[[str], None] = lambda line: None,
        on_end: Callable[[int], None] = lambda code: None,
    ) -> None:
        self.role = role
        self.last_lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._on_line = on_line
        self._on_end = on_end
        self._process = subprocess.Popen(
            # -P: a file in the user's folder must not stand in for a module of ours.
            [sys.executable, "-P", "-m", "streamer.local.child", role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=clean_environment(os.environ),
            pass_fds=tuple(pass_fds),
            # A terminal sends Ctrl-C to its whole process group; the parent alone decides who ends when.
            process_group=0,
        )
        self._reader = threading.Thread(target=self._read, name=f"output of {role}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def go(self, *, environment: Mapping[str, str] | None = None, **order: Any) -> None:
        """Lets it begin: `environment` is added to its own, `order` is what its role is told, as JSON."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):  # it has died: `on_end` says so
            self._process.stdin.write(json.dumps({"environment": dict(environment or {}), "order": order}) + "\n")
            self._process.stdin.flush()

    def release(self) -> None:
        """Asks it to end."""
        assert self._process.stdin is not None  # noqa: S101 - it is a pipe
        with suppress(BrokenPipeError):
            self._process.stdin.close()

    def wait(self, timeout: float) -> bool:
        """Whether it has ended, and everything it wrote was read, within `timeout` seconds."""
        self._reader.join(timeout)
        return not self._reader.is_alive()

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()

    def stop(self, timeout: float) -> None:
        """Asks it to end, ends it after `timeout` seconds if it did not, and waits until it is gone."""
        self.release()
        if not self.wait(timeout):
            self.kill()
            self._reader.join()

    def _read(self) -> None:
        assert self._process.stdout is not None  # noqa: S101 - it is a pipe
        with self._process.stdout as output:
            for line in output:
                self.last_lines.append(line.rstrip("\n"))
                self._on_line(self.last_lines[-1])
        self._on_end(self._process.wait())


def clean_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """A child's environment: nothing in it leads to a real account, or through a proxy to loopback."""
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
