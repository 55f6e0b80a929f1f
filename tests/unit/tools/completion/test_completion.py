"""A shell completes commands and options by the script that the command prints."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from streamer import cli, tools
from streamer.tools.completion.command import SHELLS
from streamer.tools.completion.words import VARIABLE

BASH = shutil.which("bash") or ""


def completed(line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> set[str]:
    """The words that bash would offer for the last word of the line."""
    words = line.split(" ")
    monkeypatch.setenv(VARIABLE, "complete_bash")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    with pytest.raises(SystemExit) as ended:
        cli.main([])
    assert ended.value.code == 0
    return set(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("line", "some", "none"),
    [
        ("streamer ", {"serve", "demo", *cli.TOOLS}, {"list"}),
        ("streamer ta", {"tail"}, {"watch"}),
        ("streamer tail --l", {"--label"}, {"--json"}),
        ("streamer failures ", {"list", "show", "redrive"}, {"prune"}),
        ("streamer queues list --t", {"--topic"}, {"--topic-arn"}),
    ],
)
def test_commands_and_options_are_completed(
    line: str, some: set[str], none: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = completed(line, monkeypatch, capsys)
    assert words >= some
    assert not words & none


@pytest.mark.parametrize("command", ["serve", "demo"])
def test_the_options_that_argparse_reads_are_completed_too(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    [commands] = [each for each in cli._parser()._actions if isinstance(each, argparse._SubParsersAction)]
    options = {name for name in commands.choices[command]._option_string_actions if name.startswith("--")}
    assert completed(f"streamer {command} --", monkeypatch, capsys) == options


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_asks_by_the_variable(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["completion", shell]) == 0
    said = capsys.readouterr().out
    assert f"{cli.COMPLETE}=complete_{shell}" in said
    assert VARIABLE == cli.COMPLETE
    assert VARIABLE not in os.environ


def test_an_unknown_shell_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["completion", "tcsh"]) == 2
    assert capsys.readouterr().err == "streamer completion: SHELL='tcsh': unknown; give bash, zsh or fish\n"


@pytest.mark.skipif(not BASH, reason="bash is not installed")
def test_bash_completes_by_the_script(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tools.run(["completion", "bash"])
    (tmp_path / "script").write_text(capsys.readouterr().out)
    streamer = tmp_path / "streamer"
    streamer.write_text(f'#!/bin/sh\nexec {sys.executable} -m streamer.cli "$@"\n')
    streamer.chmod(0o755)
    words = ". ./script; COMP_WORDS=(streamer comp); COMP_CWORD=1; _streamer_completion streamer; echo ${COMPREPLY[@]}"
    done = subprocess.run(
        [BASH, "--norc", "-c", words], cwd=tmp_path, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "completion\n"
