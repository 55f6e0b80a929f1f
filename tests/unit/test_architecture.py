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
    "extras": set(),
    "clock": set(),
    "change": set(),
    "place": set(),
    "table_name": set(),
    "queue_tags": set(),
    "setting_values": {"queue_tags", "table_name"},
    "setting_mistakes": set(),
    "settings": {"errors", "setting_mistakes", "setting_values"},
    "configuration": {"change", "errors"},
    "cursor": {"change"},
    "series": {"change"},
    "token_bucket": set(),
    "telemetry": {"change", "errors", "extras", "token_bucket"},
    "aws": {"errors", "setting_values"},
    "sse": {"change"},
    "hub": {"change", "configuration", "place", "series", "sse"},
    "tables": {
        "aws", "change", "clock", "configuration", "cursor", "errors", "hub", "series", "sse", "telemetry",
        "token_bucket",
    },
    "intake": {
        "aws", "change", "clock", "configuration", "errors", "queue_tags", "tables", "telemetry", "token_bucket",
    },
    "streams": {"change", "clock", "hub", "sse", "telemetry", "token_bucket"},
    "subscriptions": {"clock", "configuration", "errors", "hub", "intake", "streams", "tables", "telemetry"},
    "publisher": {
        "change", "clock", "errors", "hub", "intake", "streams", "subscriptions", "tables", "telemetry",
    },
    "server": {"errors", "streams"},
    "web": {
        "aws", "change", "clock", "configuration", "cursor", "errors", "hub", "series", "sse", "streams", "telemetry",
    },
    "functions": {"aws", "clock", "errors", "intake", "settings", "tables", "telemetry", "web"},
    "present": {"clock", "cursor", "hub", "series"},
    "status": {"change", "clock", "hub", "intake", "publisher", "streams", "subscriptions", "telemetry", "web"},
    "memory": {"aws", "hub", "intake", "publisher", "streams", "subscriptions", "tables", "telemetry", "web"},
    "service": {
        "aws", "clock", "functions", "hub", "intake", "memory", "place", "present", "publisher", "server", "settings",
        "sse",
        "status", "streams", "subscriptions", "tables", "telemetry", "web",
    },
    "serve": {"server", "service", "settings", "telemetry"},
    "rest": {"functions"},
    "reaper_function": {"functions"},
    "event_source": {"change"},
    "local": {"change", "cli", "event_source", "telemetry"},
    "client": {"errors", "series", "sse"},
    "tools": {
        "aws", "change", "client", "clock", "errors", "event_source", "intake", "local", "queue_tags", "sse",
        "table_name",
    },
    "cli": {"errors", "extras", "local", "serve", "settings", "telemetry", "tools"},
}  # fmt: skip
"""What each part of `streamer` may import of the others. Every part is here, so a new one is a decision."""

BESIDE = ("local", "cli", "tools")
"""Commands, which start one another."""

PURE = (
    "change", "configuration", "cursor", "series", "place", "token_bucket", "hub", "sse", "intake/decode.py",
    "intake/failover.py", "intake/signals.py", "server/body.py", "server/requests.py",
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


def test_no_part_imports_what_imports_it() -> None:
    """Each stands below all that import it, so there is no circle."""
    below: list[str] = []
    left = {part: others - {part} for part, others in MAY_IMPORT.items() if part not in BESIDE}
    while left:
        free = [part for part, others in left.items() if others <= {*below, *BESIDE}]
        assert free, f"these import each other: {sorted(left)}"
        below += free
        left = {part: others for part, others in left.items() if part not in free}


def layers(part: str) -> set[str]:
    """All that a part sees, directly or through others."""
    seen: set[str] = set()
    found = {part}
    while found - seen:
        seen |= found
        found = set().union(*(MAY_IMPORT[one] for one in seen))
    return seen - {part}


@pytest.mark.parametrize(
    ("part", "unseen"),
    [
        ("hub", {"aws", "tables", "intake", "streams", "web", "server", "publisher", "telemetry"}),
        ("tables", {"intake", "streams", "web", "server", "publisher"}),
        ("intake", {"streams", "web", "server", "publisher", "subscriptions"}),
        ("streams", {"aws", "tables", "intake", "web", "server", "publisher"}),
        ("publisher", {"web", "server", "service", "status"}),
        ("web", {"tables", "intake", "publisher", "server", "service", "status"}),
    ],
)
def test_a_layer_sees_nothing_above_it(part: str, unseen: set[str]) -> None:
    assert not layers(part) & unseen


def test_intake_never_names_the_hub_and_web_never_sees_boto3() -> None:
    assert "hub" not in MAY_IMPORT["intake"]
    for part, strangers in {
        "web": {"boto3", "botocore", "streamer.aws.clients", "streamer.aws.worker"},
        "streams": {"boto3", "fastapi"},
        "intake": {"fastapi"},
    }.items():
        for path in files(part):
            for name in imports(path):
                assert not any(name == each or name.startswith(f"{each}.") for each in strangers), f"{path}: {name}"


def test_only_workers_start_threads_and_wait_for_none() -> None:
    """The loop drives: what blocks is a call in a worker's thread, and nothing else crosses."""
    may = {"aws/worker.py", "aws/clients.py", "web/assets.py"}
    for path in sorted((ROOT / "streamer").rglob("*.py")):
        name = path.relative_to(ROOT / "streamer").as_posix()
        if name not in may and name.split("/")[0] not in {"event_source", "local", "tools", "telemetry"}:
            found = {one.split(".")[0] for one in imports(path)} & {"threading", "concurrent", "queue"}
            assert not found, f"{name} imports {found}"


def test_no_class_name_is_there_twice() -> None:
    where: dict[str, list[str]] = {}
    for path in sorted((ROOT / "streamer").rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                where.setdefault(node.name, []).append(path.relative_to(ROOT / "streamer").as_posix())
    assert not {name: paths for name, paths in where.items() if len(paths) > 1}


def test_the_relay_needs_boto3_alone() -> None:
    allowed = set(sys.stdlib_module_names) | {"boto3", "botocore", "ingest_relay", "mypy_boto3_sns", "mypy_boto3_sqs"}
    for path in sorted((ROOT / "ingest_relay").rglob("*.py")):
        tracer = {"aws_xray_sdk"} if path.name == "xray.py" else set()
        strangers = {name.split(".")[0] for name in imports(path)} - allowed - tracer
        assert not strangers, f"{path.relative_to(ROOT)} imports {strangers}"


@pytest.mark.parametrize(
    "module", ["streamer.serve", "streamer.rest", "streamer.reaper_function", "ingest_relay.handler"]
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
