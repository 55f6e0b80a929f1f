"""Resolves the dependencies into the lock files: with hashes, for every supported Python, without index lines.

What is pinned stays pinned as long as pyproject.toml allows it; with --upgrade everything is resolved anew.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = {
    "requirements.lock": ["serve", "otlp"],
    "requirements-local.lock": ["local", "tools"],
    "requirements-dev.lock": ["local", "tools", "otlp", "dev"],
}
"""The extras that each file pins. `local` includes `serve`, and `tools` includes `client`."""


def main() -> None:
    """Writes each file; those of which a virtual environment is made also pin what builds the package itself."""
    requires = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    for name, extras in FILES.items():
        command = [
            sys.executable, "-m", "uv", "pip", "compile", "--quiet", *sys.argv[1:], "--universal",
            "--python-version", "3.11", "--generate-hashes", "--no-header", "--no-annotate",
            "--no-emit-index-url", "--no-emit-find-links", "--output-file", name, "pyproject.toml",
        ]  # fmt: skip
        for extra in extras:
            command += ["--extra", extra]
        build = "\n".join([*requires, "editables>=0.5"]) if "local" in extras else ""
        subprocess.run(
            [*command, *(["-"] if build else [])], input=build, text=True, check=True, cwd=ROOT, env=environment
        )


if __name__ == "__main__":
    main()
