"""Other people's tools read docs/openapi.json: a validator, and two generators of clients, without a complaint."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.test_openapi import FILE

TOOLS = ("openapi-spec-validator==0.9.0", "openapi-python-client==0.29.1", "datamodel-code-generator==0.89.0")

pytestmark = [
    pytest.mark.slow("installs the tools"),
    pytest.mark.timeout(1_200),
    pytest.mark.skipif("GENERATORS" not in os.environ, reason="installs three tools, for minutes: set GENERATORS=1"),
]


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of their commands, in an environment of their own: they pin what the service pins otherwise."""
    folder = tmp_path_factory.mktemp("generators")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--retries", "1", *TOOLS], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"the tools cannot be installed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return folder / "bin"


def says(*command: str | Path, where: Path) -> str:
    """What a command that succeeds prints."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=where,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def imports(tools: Path, where: Path, code: str) -> str:
    """What code prints in the tools' environment, which has what the generated modules import."""
    return says(tools / "python", "-c", code, where=where).strip()


def test_it_is_valid(tools: Path, tmp_path: Path) -> None:
    assert says(tools / "openapi-spec-validator", FILE, where=tmp_path).strip().endswith("OK")


def test_openapi_python_client_makes_every_route(tools: Path, tmp_path: Path) -> None:
    told = says(
        tools / "openapi-python-client", "generate", "--path", FILE, "--output-path", "made", "--meta", "none",
        where=tmp_path,
    )  # fmt: skip
    assert "WARNING" not in told, told
    made = {path.stem for path in (tmp_path / "made" / "api").rglob("*.py")} - {"__init__"}
    assert {"stream", "configuration_stream", "sentiment", "sentiment_series", "create_configuration", "live"} <= made
    code = "from made.api.sentiment_and_counts import sentiment; from made.models import SentimentUpdate"
    assert imports(tools, tmp_path, f"{code}; print(SentimentUpdate.__name__)") == "SentimentUpdate"


def test_datamodel_code_generator_makes_every_event(tools: Path, tmp_path: Path) -> None:
    says(
        tools / "datamodel-codegen", "--input", FILE, "--input-file-type", "openapi", "--output", "made.py",
        "--output-model-type", "pydantic_v2.BaseModel", "--disable-warnings",
        where=tmp_path,
    )  # fmt: skip
    code = "import made; print(made.Closing.model_validate({'reason': 'drain', 'retry_ms': 1}).retry_ms)"
    assert imports(tools, tmp_path, code) == "1"
