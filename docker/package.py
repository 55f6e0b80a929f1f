"""Builds the zips of the Lambdas: `make package` writes build/{relay,rest}-{arm64,x86_64}.zip (REST's has the reaper).

A zip holds the modules that its handler imports, and the dependencies that Lambda's runtime does not bring (boto3 is
the runtime's), in the versions and by the hashes of requirements.lock. Equal input gives equal bytes: members are
sorted, and time and mode of each are fixed. Wheels are kept in build/wheels.
"""

from __future__ import annotations

import argparse
import ast
import hashlib
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
PYTHON: Final = "3.13"
"""Lambda's runtime is python3.13."""
MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's word for an architecture, and that of wheels."""
COMPILED: Final = ("pydantic-core",)
"""Distributions of which a zip holds the machine's own wheel. Of all others it holds the one for any machine."""


@dataclass(frozen=True, slots=True)
class Package:
    """What one zip is made of."""

    modules: tuple[str, ...]
    """The handlers'; what they import of our own comes with them, lazily imported modules among it."""
    distributions: tuple[str, ...]
    """Names in requirements.lock; a test imports the zip with nothing else but boto3."""


PACKAGES: Final = {
    "relay": Package(("ingest_relay.handler",), ("aws-xray-sdk", "wrapt")),
    "rest": Package(
        ("streamer.rest", "streamer.reaper_function"),
        (
            "annotated-doc", "annotated-types", "anyio", "aws-xray-sdk", "fastapi", "fastapi-swagger", "idna", "mangum",
            "opentelemetry-api", "pydantic", "pydantic-core", "starlette", "tenacity", "typing-extensions",
            "typing-inspection", "wrapt",
        ),
    ),
}  # fmt: skip

_UNUSED: Final = "pydantic/v1/"
"""FastAPI only checks that no field is one of pydantic.v1's, and works without it; with it, every cold start compiles
it. Files that end with .c or .pyi are for compilers and type checkers."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds the zips that are asked for and prints each one's path, size and SHA-256."""
    parser = argparse.ArgumentParser(prog="python docker/package.py", description="Builds the zips of the Lambdas.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{' and '.join(PACKAGES)} (default: both)")
    parser.add_argument("--architecture", action="append", choices=MACHINES, help="default: both")
    parser.add_argument("--python", default=PYTHON, help="version whose compiled wheels to take (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "build", help="folder of the zips (default: build)")
    options = parser.parse_args(arguments)
    if strangers := set(options.names) - set(PACKAGES):
        parser.error(f"no such package: {', '.join(sorted(strangers))}")
    for name in options.names or PACKAGES:
        for architecture in options.architecture or MACHINES:
            path = options.output / f"{name}-{architecture}.zip"
            build(PACKAGES[name], architecture, options.python, path)
            content = path.read_bytes()
            digest = hashlib.sha256(content).hexdigest()
            print(f"{path}  {len(content) / 1e6:.2f} MB  sha256:{digest}")  # noqa: T201


def build(package: Package, architecture: str, python: str, path: Path) -> None:
    """Writes one zip. Raises CalledProcessError, after pip has said why, when a wheel cannot be had."""
    members = {file.relative_to(ROOT).as_posix(): file.read_bytes() for file in own_files(*package.modules)}
    members["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    for wheel in wheels(package.distributions, architecture, python):
        with zipfile.ZipFile(wheel) as opened:
            for member in opened.namelist():
                if ".data/" in member:
                    raise SystemExit(f"{wheel.name}: {member} would have to be installed, not copied")
                if not member.startswith(_UNUSED) and not member.endswith(("/", ".c", ".pyi")):
                    members[member] = opened.read(member)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for name, content in sorted(members.items()):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16  # Unix; readable by whomever Lambda runs it as
            info.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(info, content, compresslevel=9)


def own_files(*modules: str) -> list[Path]:
    """The files of some of our modules and of each that they import, directly or not, at import or when they run."""
    found: set[Path] = set()
    waiting = list(modules)
    while waiting:
        parts = waiting.pop().split(".")
        for length in range(1, len(parts) + 1):
            base = ROOT.joinpath(*parts[:length])
            file = base / "__init__.py" if base.is_dir() else base.with_suffix(".py")
            if parts[0] in ("streamer", "ingest_relay") and file.exists() and file not in found:
                found.add(file)
                waiting += imports(ast.parse(file.read_text()))
    return sorted(found)


def imports(node: ast.AST) -> Iterator[str]:
    """Names that may be modules; those for type checkers alone are left out."""
    for child in ast.iter_child_nodes(node):
        match child:
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                continue
            case ast.Import(names=names):
                yield from (alias.name for alias in names)
            case ast.ImportFrom(module=str(module), names=names):
                yield from (f"{module}.{alias.name}" for alias in names)
        yield from imports(child)


def wheels(names: Sequence[str], architecture: str, python: str) -> Iterator[Path]:
    """The distributions' wheels, downloaded unless they are there."""
    machine = MACHINES[architecture]
    own = [
        tag for generation in ("_2_28", "_2_17", "2014") for tag in ("--platform", f"manylinux{generation}_{machine}")
    ]
    for chosen, tags in (
        ([name for name in names if name not in COMPILED], ["--implementation", "py", "--platform", "any"]),
        ([name for name in names if name in COMPILED], ["--implementation", "cp", *own]),
    ):
        if chosen:
            yield from downloaded(locked(chosen), ["--python-version", python, *tags])


def downloaded(requirements: str, tags: Sequence[str]) -> list[Path]:
    """The wheels of these lines of a lock file, in a folder that is named for what was asked."""
    asked = "\n".join([requirements, *tags])
    folder = ROOT / "build" / "wheels" / hashlib.sha256(asked.encode()).hexdigest()[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as partial:
            lock, wanted = Path(partial, "requirements.lock"), Path(partial, "wheels")
            lock.write_text(requirements)
            command = [
                sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input",
                "--no-deps", "--require-hashes", "--only-binary=:all:", *tags, "--dest", str(wanted),
                "--requirement", str(lock),
            ]  # fmt: skip
            subprocess.run(command, check=True)  # noqa: S603 - pip, with fixed arguments
            wanted.rename(folder)
    return sorted(folder.glob("*.whl"))


def locked(names: Sequence[str]) -> str:
    """The lock file's lines of some distributions."""
    entries = re.finditer(r"^(\S+)==(?:.*\\\n)+.*\n", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    by_name = {entry[1]: entry[0] for entry in entries}
    if missing := set(names) - set(by_name):
        raise SystemExit(f"requirements.lock does not have {', '.join(sorted(missing))}")
    return "".join(by_name[name] for name in names)


if __name__ == "__main__":
    main()
