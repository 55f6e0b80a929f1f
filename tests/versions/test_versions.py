"""The project with the oldest dependencies that it allows, and on the other Pythons that it supports."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.versions.pythons import SUPPORTED, others

pytestmark = [
    pytest.mark.slow("installs other versions, and runs most of the tests on them"),
    pytest.mark.timeout(3_600),
]

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ON_SOCKETS = [f"tests/integration/test_{name}.py" for name in ("connection", "stream_http", "rest_http", "push_moto")]
ON_DEPENDENCIES = [f"tests/unit/{name}" for name in ("aws", "client", "functions", "server", "sse", "streams", "web")]
"""What depends on AWS's and the web's libraries, on asyncio, HTTP and the standard library's I/O."""
OTHERS = others()
BETWEEN = SUPPORTED[1]
"""A Python between two that pass all tests."""
WHOLE = [version for version in OTHERS if version != BETWEEN]


def pip(python: Path) -> list[str]:
    """The start of a command that installs."""
    return [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]


def virtual_environment(folder: Path, python: Path) -> Path:
    """The Python of a virtual environment in which the tests can run, made of the lock file."""
    subprocess.run([str(python), "-m", "venv", str(folder / "venv")], check=True)
    made = folder / "venv" / "bin" / "python"
    subprocess.run([*pip(made), "--require-hashes", "-r", str(ROOT / "requirements-dev.lock")], check=True)
    subprocess.run([*pip(made), "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], check=True)
    return made


def passes(python: Path | str, *tests: str, **environment: str) -> None:
    """The quick tests among these pass, without the properties: what these search does not depend on versions."""
    quick = "not slow and not hypothesis"
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", quick, "-n", "2"]
    done = subprocess.run(
        [*command, "--dist", "loadfile", *tests],
        env=os.environ | environment, cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-5_000:] + done.stderr[-1_000:]


def oldest() -> dict[str, str]:
    """The lowest version of each dependency of the service that is allowed."""
    found = [re.match(r"([\w-]+)(?:\[[\w,]+\])?>=([\d.]+)", each) for each in PROJECT["optional-dependencies"]["serve"]]
    assert None not in found, "each dependency has a lowest version"
    return {match[1]: match[2] for match in found if match is not None}


def test_the_oldest_dependencies_that_are_allowed(tmp_path: Path) -> None:
    """On the Python between, if it is here: what depends on either is the same."""
    python = virtual_environment(tmp_path, OTHERS[BETWEEN]) if BETWEEN in OTHERS else Path(sys.executable)
    folder = tmp_path / "oldest"
    wanted = [f"{name}=={version}" for name, version in oldest().items()]
    subprocess.run([*pip(python), "--target", str(folder), *wanted], check=True)
    show = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    shown = subprocess.run(
        [str(python), "-c", show, *oldest()],
        env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name, version in oldest().items():
        assert f'"{name}": "{version}' in shown.stdout, "it is what the tests see"
    passes(python, *ON_DEPENDENCIES, *ON_SOCKETS, PYTHONPATH=str(folder))


@pytest.mark.parametrize("version", WHOLE or [pytest.param("", marks=pytest.mark.skip("no other Python is here"))])
def test_another_python(tmp_path: Path, version: str) -> None:
    passes(virtual_environment(tmp_path, OTHERS[version]), "tests/unit", "tests/contract", *ON_SOCKETS)


def test_the_supported_pythons_are_those_that_the_package_names() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert tuple(named) == SUPPORTED
