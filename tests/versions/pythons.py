"""The Pythons of this machine that the project supports, but the one that runs the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

SUPPORTED: Final = ("3.11", "3.12", "3.13")


def others() -> dict[str, Path]:
    """By version, an interpreter of each."""
    here = ".".join(map(str, sys.version_info[:2]))
    found = {version: _first(version) for version in SUPPORTED if version != here}
    return {version: path for version, path in found.items() if path is not None}


def _first(version: str) -> Path | None:
    return next((path for path in _candidates(version) if _runs(path, version)), None)


def _candidates(version: str) -> Iterator[Path]:
    on_path = shutil.which(f"python{version}")
    if on_path is not None:
        yield Path(on_path)
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{version}.*/bin/python{version}"), reverse=True)


def _runs(path: Path, version: str) -> bool:
    """Whether it is more than a name: pyenv puts one on the PATH for what is installed and not chosen."""
    asked = [str(path), "-c", "import ensurepip, sys; print('%d.%d' % sys.version_info[:2])"]
    answer = subprocess.run(asked, capture_output=True, text=True, check=False)
    return answer.returncode == 0 and answer.stdout.strip() == version
