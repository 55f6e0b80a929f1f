"""Builds the zips of the Lambda functions: `make package` writes build/{relay,rest}-{arm64,x86_64}.zip.

The zip of REST includes the reaper. A zip has the modules that its handler imports, and the dependencies that the
Lambda runtime does not include, with the versions and hashes of requirements.lock. Builds are reproducible: members are
sorted and have fixed times and modes. Wheels are cached in build/wheels.
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
"""Python version of the Lambda runtime."""
MACHINES: Final = {"arm64": "aarch64", "x86_64": "x86_64"}
"""Lambda's names of the architectures, and those in wheel tags."""
COMPILED: Final = ("pydantic-core",)
"""Distributions that need a platform wheel. The others use a pure Python wheel."""


@dataclass(frozen=True, slots=True)
class Package:
    """The content of a zip."""

    modules: tuple[str, ...]
    """Modules of the handlers. The modules of this repository that they import, also lazily, are added."""
    distributions: tuple[str, ...]
    """Names in requirements.lock. A test imports the zip with only boto3 installed."""


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
"""FastAPI works without pydantic.v1, and would compile it at each cold start."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Builds the requested zips and prints path, size and SHA-256 of each."""
    parser = argparse.ArgumentParser(prog="python docker/package.py", description="Builds the zips of the Lambdas.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{' and '.join(PACKAGES)} (default: both)")
    parser.add_argument("--architecture", action="append", choices=MACHINES, help="default: both")
    parser.add_argument("--python", default=PYTHON, help="Python version of the wheels (default: %(default)s)")
    parser.add_argument("--output", type=Path, default=ROOT / "build", help="output folder (default: build)")
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
    """Writes one zip. Raises CalledProcessError if pip cannot download a wheel."""
    members = {file.relative_to(ROOT).as_posix(): file.read_bytes() for file in own_files(*package.modules)}
    members["LICENSE"] = (ROOT / "LICENSE").read_bytes()
    for wheel in wheels(package.distributions, architecture, python):
        with zipfile.ZipFile(wheel) as opened:
            for member in opened.namelist():
                if ".data/" in member:
                    raise SystemExit(f"{wheel.name}: {member} needs an installation; choose a wheel without .data")
                if not member.startswith(_UNUSED) and not member.endswith(("/", ".c", ".pyi")):
                    members[member] = opened.read(member)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as written:
        for name, content in sorted(members.items()):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system, info.external_attr = 3, 0o100644 << 16  # Unix; mode 644
            info.compress_type = zipfile.ZIP_DEFLATED
            written.writestr(info, content, compresslevel=9)


def own_files(*modules: str) -> list[Path]:
    """Returns the files of modules of this repository and of all modules that they import, directly or indirectly."""
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
    """Yields imported names, which may be modules, without imports under TYPE_CHECKING."""
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
    """Yields the paths of the distributions' wheels, and downloads missing ones."""
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
    """Returns the wheels for lines of a lock file, from a cache folder named by a digest of the request."""
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
    """Returns the lines of distributions in the lock file."""
    entries = re.finditer(r"^(\S+)==(?:.*\\\n)+.*\n", (ROOT / "requirements.lock").read_text(), re.MULTILINE)
    by_name = {entry[1]: entry[0] for entry in entries}
    if missing := set(names) - set(by_name):
        raise SystemExit(f"requirements.lock: {', '.join(sorted(missing))} missing; run `make lock`")
    return "".join(by_name[name] for name in names)


if __name__ == "__main__":
    main()
