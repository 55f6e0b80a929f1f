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
IO_TESTS = [f"tests/unit/{name}" for name in ("aws", "client", "server", "sse", "streams", "web")]
"""For a version between two that pass all tests: what depends on asyncio, HTTP and the standard library's I/O."""
OTHERS = others()


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
    folder = tmp_path / "oldest"
    wanted = [f"{name}=={version}" for name, version in oldest().items()]
    install = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--target",
        str(folder),
    ]
    subprocess.run([*install, *wanted], check=True)
    show = "import importlib.metadata as m, json, sys; print(json.dumps({n: m.version(n) for n in sys.argv[1:]}))"
    shown = subprocess.run(
        [sys.executable, "-c", show, *oldest()],
        env=os.environ | {"PYTHONPATH": str(folder)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name, version in oldest().items():
        assert f'"{name}": "{version}' in shown.stdout, "it is what the tests see"
    passes(sys.executable, "tests/unit", *ON_SOCKETS, PYTHONPATH=str(folder))


@pytest.mark.parametrize("version", OTHERS or [pytest.param("", marks=pytest.mark.skip("no other Python is here"))])
def test_another_python(tmp_path: Path, version: str) -> None:
    environment = tmp_path / "venv"
    subprocess.run([str(OTHERS[version]), "-m", "venv", str(environment)], check=True)
    python = environment / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*install, "--require-hashes", "-r", str(ROOT / "requirements-dev.lock")], check=True)
    subprocess.run([*install, "--no-deps", "--no-build-isolation", "--editable", str(ROOT)], check=True)
    between = version not in (SUPPORTED[0], SUPPORTED[-1])
    passes(python, *(IO_TESTS if between else ["tests/unit", "tests/contract"]), *ON_SOCKETS)


def test_the_supported_pythons_are_those_that_the_package_names() -> None:
    named = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert tuple(named) == SUPPORTED
