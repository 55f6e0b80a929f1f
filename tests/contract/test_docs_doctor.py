"""docs/doctor.md names each check, option and exit code of `streamer doctor`, and no other."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import get_args, get_type_hints

from streamer.tools.doctor import command
from streamer.tools.doctor.checks import judge
from streamer.tools.doctor.evidence import Evidence
from streamer.tools.doctor.finding import Verdict
from streamer.tools.doctor.report import UNKNOWN
from streamer.tools.doctor.url import StreamUrl

DOC = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text()
PAGE, REST = DOC.split("\n## Any server\n")
NOTHING = Evidence(StreamUrl.of("https://sse.example/api/v2/stream"))


def first_cells(text: str) -> list[str]:
    """The first cells of tables' rows that are code."""
    return re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)


def test_each_check_is_explained() -> None:
    checks = PAGE.split("\n## Checks\n")[1].split("\n## ")[0]
    assert first_cells(checks) == [each.check for each in judge(NOTHING, any_server=False)]
    shared = re.findall(r"`([a-z0-9 ]+)`", REST.split("Beside ")[1].split(" it checks:")[0])
    own = first_cells(REST)
    assert sorted({*shared, *own}) == sorted(each.check for each in judge(NOTHING, any_server=True))


def test_each_option_is_explained() -> None:
    options = {
        declaration
        for hint in get_type_hints(command.doctor, include_extras=True).values()
        for meta in get_args(hint)[1:]
        for declaration in (getattr(meta, "default", None), *(getattr(meta, "param_decls", None) or ()))
        if isinstance(declaration, str) and declaration.startswith("--")
    }
    named = {f"--{name}" for name in ("origin", "quiet")}  # Typer names these by their parameters
    assert {text.split()[0] for text in first_cells(PAGE) if text.startswith("--")} == options | named


def test_each_exit_code_and_verdict_is_explained() -> None:
    listed = re.findall(r"^ {4}(\d+) ", inspect.getdoc(command.doctor) or "", re.MULTILINE) or re.findall(
        r"^(\d+) {2,}", inspect.getdoc(command.doctor) or "", re.MULTILINE
    )
    assert re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE) == listed
    assert str(UNKNOWN) in listed
    assert all(f"`{verdict}`" in PAGE for verdict in get_args(Verdict))
