"""What each extra installs, and that a hint names only what can be installed safely."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

from streamer.cli import TOOLS, main
from streamer.extras import MODULES, command, missing

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
OURS = {"streamer", "ingest_relay"}
MODULE_OF = {
    "aws-xray-sdk": "aws_xray_sdk",
    "fastapi-swagger": "fastapi_swagger",
    "flask-cors": "flask_cors",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry.exporter",
    "opentelemetry-sdk": "opentelemetry.sdk",
}
BROUGHT = {"boto3": {"botocore", "urllib3"}, "fastapi": {"starlette"}, "pydantic": {"pydantic_core"}}
"""Modules of the dependencies of dependencies, which we import too."""

_spec = importlib.util.spec_from_file_location("package", ROOT / "docker" / "package.py")
assert _spec is not None
assert _spec.loader is not None
package = importlib.util.module_from_spec(_spec)
sys.modules["package"] = package
_spec.loader.exec_module(package)


def modules_of(extra: str) -> set[str]:
    """The top-level modules that an extra installs and we may import."""
    found: set[str] = set()
    for requirement in EXTRAS[extra]:
        name = re.split(r"[^\w-]", requirement)[0]
        if name == PROJECT["name"]:
            found |= modules_of(requirement.partition("[")[2].partition("]")[0])
        else:
            module = MODULE_OF.get(name, name)
            found |= {module} | BROUGHT.get(module, set())
    return found


def imported(*modules: str) -> dict[str, str]:
    """Everything foreign that these modules import, directly or not, also when they run; and who does."""
    found: dict[str, str] = {}
    for file in package.own_files(*modules):
        for name in package.imports(ast.parse(file.read_text())):
            top = name.partition(".")[0]
            if top not in sys.stdlib_module_names and top not in OURS:
                found.setdefault(top, file.relative_to(ROOT).as_posix())
    return found


def all_below(folder: str) -> list[str]:
    files = (ROOT / "streamer" / folder).rglob("*.py")
    return [".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for file in files]


@pytest.mark.parametrize(
    ("extra", "modules", "without"),
    [  # opentelemetry: only where TRACING=otlp asks the service for it, from the extra otlp
        ("client", ["streamer.client"], set()),
        (
            "serve",
            ["streamer.serve", "streamer.rest", "streamer.reaper_function", "ingest_relay.handler"],
            {"opentelemetry"},
        ),
        ("tools", all_below("tools"), {"aws_xray_sdk"}),  # only where TRACING=xray asks the relay for it
        (
            "local",
            all_below("local"),
            {"opentelemetry", "typer"},
        ),  # the command line looks for it before it starts a tool
    ],
)
def test_an_extra_brings_what_its_part_imports(extra: str, modules: list[str], without: set[str]) -> None:
    strangers = {name: by for name, by in imported(*modules).items() if name not in modules_of(extra) | without}
    assert not strangers
    assert modules_of(extra) >= set(MODULES[extra])


def test_the_client_needs_httpx_alone_and_the_base_nothing() -> None:
    assert PROJECT["dependencies"] == []
    assert EXTRAS["client"] == ["httpx>=0.28"]
    assert modules_of("client") == {"httpx"}
    assert not {"fastapi", "uvicorn", "moto"} & modules_of("tools")


def test_the_installed_metadata_says_the_same() -> None:
    said = {re.sub(r"[\s()'\"]", "", each) for each in requires("sentiment-streamer") or ()}
    assert "httpx>=0.28;extra==client" in said, "the installation is older than pyproject.toml: make .venv/dev.stamp"
    assert all("extra==" in each for each in said), "the base needs nothing"


def test_importing_the_client_loads_nothing_of_the_service() -> None:
    code = "import sys, streamer.client; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"boto3", "botocore", "fastapi", "starlette", "uvicorn", "pydantic", "moto", "typer"} & loaded
    ours = {name.split(".")[1] for name in loaded if name.startswith("streamer.")}
    assert ours == {"change", "client", "errors", "series", "sse"}


def test_without_httpx_the_client_says_what_to_install() -> None:
    code = "import sys; sys.modules['httpx'] = None; import streamer.client"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("ModuleNotFoundError: streamer.client needs httpx")
    assert last.endswith("pip install httpx")


@pytest.mark.parametrize(
    ("direct_url", "expected"),
    [
        ({"url": "file:///home/me/my%20copy", "dir_info": {}}, "pip install '/home/me/my copy[tools]'"),
        ({"url": "file:///srv/copy", "dir_info": {"editable": True}}, "pip install --editable '/srv/copy[tools]'"),
        (
            {"url": "https://git.example/s.git", "vcs_info": {"vcs": "git", "commit_id": "abc1"}},
            "pip install 'sentiment-streamer[tools] @ git+https://git.example/s.git@abc1'",
        ),
        ({"url": "file:///x/s.whl", "archive_info": {}}, "pip install '.[tools]' in a copy of this project"),
        ([], "pip install '.[tools]' in a copy of this project"),
        (None, "pip install '.[tools]' in a copy of this project"),
    ],
)
def test_a_hint_names_the_place_from_which_the_package_came(direct_url: object, expected: str) -> None:
    assert command("tools", None if direct_url is None else json.dumps(direct_url)) == expected


@pytest.mark.parametrize(
    ("given", "extra", "module"), [("tail", "tools", "typer"), ("serve", "serve", "uvicorn"), ("demo", "local", "moto")]
)
def test_a_command_without_its_extra_says_how_to_install_it(
    given: str, extra: str, module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr("streamer.extras.find_spec", lambda name: None if name == module else found(name))
    with pytest.raises(SystemExit) as ended:
        main([given])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(f"streamer {given}: {module} missing; run pip install ")
    assert f"[{extra}]" in said


def test_nothing_is_missing_here() -> None:
    assert [missing(extra) for extra in MODULES] == [None] * len(MODULES)
    assert set(MODULES) == set(EXTRAS) - {"dev"}
    assert "tail" in TOOLS


def hints() -> list[tuple[str, str]]:
    """Each `pip install …` that people read, and where."""
    files = [ROOT / "README.md", ROOT / "Makefile", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]
    for folder in ("streamer", "ingest_relay", "docker", "terraform", "tests"):
        files += [file for file in (ROOT / folder).rglob("*") if file.suffix in (".py", ".md", ".tf")]
    found = []
    for file in files:
        if file != Path(__file__) and ".terraform" not in file.parts:
            for hint in re.findall(r"pip install ([^\n`]*)", file.read_text()):
                found.append((file.relative_to(ROOT).as_posix(), hint))
    return found


def test_no_hint_names_a_package_that_anybody_could_register() -> None:
    """Ours is not on PyPI: with its bare name pip would ask PyPI for it."""
    found = hints()
    assert len(found) >= 4
    bare = re.compile(rf"(?<![/\w-])({PROJECT['name']}|streamer|ingest[-_]relay)(?![\w/-])(?!\[[\w,{{}}]*\] @ )(?! @ )")
    assert not [each for each in found if bare.search(each[1])]
    assert bare.search("'sentiment-streamer[tools]'")
    assert bare.search("sentiment-streamer")
    assert not bare.search("'sentiment-streamer[tools] @ git+https://git.example/sentiment-streamer'")
    assert not bare.search("'/path/to/sentiment-streamer[client]'")
