"""Each command's help has the same parts."""

from __future__ import annotations

import re

import pytest

from streamer import tools
from streamer.tools.terminal.help import epilog

COMMANDS = (
    "tail", "watch", "status", "doctor", "record", "replay", "failures list", "failures show", "failures redrive",
    "queues list", "queues prune", "cost", "completion",
)  # fmt: skip


def test_each_example_is_a_line_and_nothing_is_said_openly() -> None:
    assert epilog("streamer a", "streamer b") == "Examples:\n\n$ streamer a\n\n$ streamer b\n\nEnvironment: nothing"
    assert epilog(environment=("A", "B")).endswith("Environment: A, B")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_help_has_exit_codes_examples_and_the_environment(
    command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    assert tools.run([*command.split(), "--help"]) == 0
    said = capsys.readouterr().out
    for part in (r"Exit codes:", r"Examples:\s*\n\s*\$ streamer ", r"Environment: [A-Za-z]"):
        assert re.search(part, said), part
    assert f"$ streamer {command}" in said
