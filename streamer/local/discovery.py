"""Finds running demos of this user on this machine. Each demo has a locked file while it runs."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from streamer.local.resources import Resources


@dataclass(frozen=True, slots=True)
class RunningDemo:
    """A demo that is running."""

    pid: int
    base_url: str
    """http://127.0.0.1:PORT of the service, without a final slash."""
    resources: Resources


@contextmanager
def announced(demo: RunningDemo, folder: Path | None = None) -> Iterator[Path]:
    """Registers the demo inside this context. `folder` overrides `default_folder()`.

    Raises OSError if the folder is writable by other users, or not writable by this user.
    """
    folder = default_folder() if folder is None else folder
    _make_private(folder)
    path = folder / f"demo-{demo.pid}.json"
    unfinished = path.with_suffix(".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        # The kernel releases the lock when the process ends. A pid alone proves nothing, because it can be reused.
        fcntl.flock(file, fcntl.LOCK_EX)
        json.dump(asdict(demo), file)
        file.flush()
        unfinished.rename(path)
        try:
            yield path
        finally:
            path.unlink(missing_ok=True)
            with suppress(OSError):  # another demo has a file there
                folder.rmdir()


def running(folder: Path | None = None) -> list[RunningDemo]:
    """Returns the running demos, newest first. Removes the files of dead demos."""
    folder = default_folder() if folder is None else folder
    if not folder.is_dir() or not _is_private(folder):
        return []
    found = []
    for path in folder.glob("demo-*.json"):
        with suppress(OSError, ValueError, KeyError, TypeError):  # the file can be removed meanwhile
            demo = _read(path)
            if demo is not None:
                found.append((path.stat().st_mtime, demo))
    return [demo for _, demo in sorted(found, key=lambda each: each[0], reverse=True)]


def default_folder() -> Path:
    """Returns this user's runtime directory (XDG_RUNTIME_DIR), or a folder in the temporary directory."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and Path(runtime).is_dir():
        return Path(runtime) / "sentiment-streamer"
    return Path(tempfile.gettempdir()) / f"sentiment-streamer-{os.getuid()}"


def _read(path: Path) -> RunningDemo | None:
    with path.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _from_json(json.load(file))
        path.unlink(missing_ok=True)  # no process holds the lock: the demo was killed
        return None


def _make_private(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_private(folder):
        raise PermissionError(f"{folder}: writable by other users; remove it, or set TMPDIR to a private folder")


def _is_private(folder: Path) -> bool:
    state = folder.lstat()
    return stat.S_ISDIR(state.st_mode) and state.st_uid == os.getuid() and not state.st_mode & 0o022


def _from_json(members: Mapping[str, Any]) -> RunningDemo:
    return RunningDemo(**{**members, "resources": Resources.from_json(members["resources"])})
