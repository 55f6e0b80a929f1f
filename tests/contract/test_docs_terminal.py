"""docs/terminal.md names each command, and each option and exit code of `streamer tail`; and no other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from streamer import tools
from streamer.cli import TOOLS

DOC = (Path(__file__).parents[2] / "docs" / "terminal.md").read_text()


def section(title: str) -> str:
    return DOC.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def test_each_command_is_in_the_table_and_no_other() -> None:
    assert re.findall(r"^\| `streamer ([a-z]+)", DOC, re.MULTILINE) == list(TOOLS)


def test_each_option_and_exit_code_of_tail_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    assert tools.run(["tail", "--help"]) == 0
    said = capsys.readouterr().out
    options = {name for line in said.splitlines() for name in re.findall(r"^│ (--[a-z-]+)(?: +(-\w))?", line)}
    rows = "\n".join(line.split("|")[1] for line in section("tail").splitlines() if line.startswith("| `"))
    told = set(re.findall(r"`(--?[a-zA-Z-]+)`", rows))
    assert told == {each for pair in options for each in pair if each} - {"--help"}
    for code in re.findall(r"^ (\d+)  ", said, re.MULTILINE):
        assert re.search(rf"\b{code} ", section("tail").partition("Exit codes: ")[2]), code
