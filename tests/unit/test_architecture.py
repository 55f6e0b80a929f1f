"""Imports run downward only."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.__main__ import ALL_SLOW

ROOT = Path(__file__).parents[2]

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "clock": set(),
    "change": set(),
    "place": set(),
    "setting_values": set(),
    "settings": {"errors", "setting_values"},
    "secrets": {"aws", "errors", "setting_values"},
    "aws": set(),
    "configuration": {"change", "errors"},
    "listing": {"change"},
    "tables": {"aws", "change", "clock", "configuration", "errors", "listing"},
    "tally": {"change", "clock", "errors", "hub", "sse", "tables"},
    "sse": {"change"},
    "hub": {"change", "configuration", "place", "sse"},
    "intake": {"aws", "change", "clock", "configuration", "errors", "tables"},
    "telemetry": {"change", "errors"},
    "streams": {"change", "clock", "hub", "sse", "telemetry"},
    "server": {"errors", "streams"},
    "web": {
        "change", "clock", "configuration", "errors", "hub", "listing", "secrets", "sse", "streams", "telemetry",
    },
    "functions": {
        "aws", "clock", "errors", "intake", "secrets", "settings", "tables", "tally", "telemetry", "web",
    },
    "watching": {"clock", "configuration", "errors", "hub", "streams", "telemetry"},
    "feed": {"change", "clock", "errors", "hub", "intake", "streams", "tables", "telemetry", "watching"},
    "service": {
        "aws", "change", "clock", "errors", "feed", "functions", "hub", "intake", "place", "secrets", "server",
        "settings", "sse", "streams", "tables", "tally", "telemetry", "watching", "web",
    },
    "rest": {"functions"},
    "reaper_function": {"functions"},
    "event_source": set(),
    "local": {"cli", "event_source", "telemetry"},
    "client": {"errors", "sse"},
    "tools": {"aws", "change", "client", "clock", "errors", "event_source", "intake", "local", "sse"},
    "cli": {"errors", "local", "service", "settings", "telemetry", "tools"},
}  # fmt: skip
"""What each part of `streamer` may import of the others. Every part is here, so a new one is a decision."""

PURE = (
    "change", "configuration", "listing", "place", "hub", "sse", "intake/decode.py", "intake/failover.py",
    "intake/signals.py", "server/body.py", "server/requests.py",
)  # fmt: skip
"""No I/O, environment, clock or web framework of their own."""
FORBIDDEN_IN_PURE = {
    "asyncio", "boto3", "botocore", "fastapi", "logging", "os", "random", "socket", "starlette", "threading", "time",
    "uvicorn",
}  # fmt: skip


def files(part: str) -> list[Path]:
    path = ROOT / "streamer" / part
    if path.suffix == ".py":
        return [path]
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            assert not node.level, f"{path}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_every_part_is_in_the_table() -> None:
    parts = {
        path.stem for path in (ROOT / "streamer").iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert parts - {"__init__"} == set(MAY_IMPORT)


@pytest.mark.parametrize("part", MAY_IMPORT)
def test_a_part_imports_only_what_is_below_it(part: str) -> None:
    for path in files(part):
        for name in imports(path):
            if name.startswith("streamer."):
                other = name.split(".")[1]
                allowed = MAY_IMPORT[part] | {part, "__version__"}
                assert other in allowed, f"{path.relative_to(ROOT)} imports {name}"
            assert not name.startswith("ingest_relay") or part in ("local", "tools"), f"{path}: the relay deploys apart"


@pytest.mark.parametrize("part", PURE)
def test_the_core_is_pure(part: str) -> None:
    for path in files(part):
        found = {name.split(".")[0] for name in imports(path)} & FORBIDDEN_IN_PURE
        assert not found, f"{path.relative_to(ROOT)} imports {found}"


def test_web_never_sees_aws_and_intake_never_sees_the_web() -> None:
    for part, strangers in {
        "functions": {
            "aws",
            "clock",
            "errors",
            "intake",
            "secrets",
            "settings",
            "tables",
            "tally",
            "telemetry",
            "web",
        },
        "web": {"boto3", "botocore"},
        "streams": {"boto3", "fastapi"},
        "intake": {"fastapi"},
    }.items():
        for path in files(part):
            assert not {name.split(".")[0] for name in imports(path)} & strangers, path


def test_the_relay_needs_boto3_alone() -> None:
    allowed = set(sys.stdlib_module_names) | {"boto3", "botocore", "ingest_relay", "mypy_boto3_sns", "mypy_boto3_sqs"}
    for path in sorted((ROOT / "ingest_relay").rglob("*.py")):
        tracer = {"aws_xray_sdk"} if path.name == "xray.py" else set()
        strangers = {name.split(".")[0] for name in imports(path)} - allowed - tracer
        assert not strangers, f"{path.relative_to(ROOT)} imports {strangers}"


@pytest.mark.parametrize(
    "module", ["streamer.service", "streamer.rest", "streamer.reaper_function", "ingest_relay.handler"]
)
def test_what_traces_is_loaded_only_where_traces_are_wanted(module: str) -> None:
    code = f"import sys, {module}\nprint([name for name in sys.modules if name.startswith('aws_xray_sdk')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom streamer.cli import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    pass\n"
        "print(sorted({'boto3', 'botocore', 'fastapi', 'moto', 'pydantic', 'uvicorn', 'asyncio'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "serve" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_test_falls_between_the_tiers() -> None:
    """`make test` does not look into these folders, so all of their tests must be `make test-slow`'s."""
    for folder in ALL_SLOW:
        files = list((ROOT / "tests" / folder).glob("test_*.py"))
        assert files
        for file in files:
            assert re.search(r"^pytestmark = .*(\n    )?.*pytest\.mark\.slow\(", file.read_text(), re.MULTILINE), file
