"""Standard streams that are closed, full or left, and Ctrl-C before a command runs."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import NoReturn

import pytest

from streamer import cli, tools
from streamer.tools.terminal.table import print_table


@pytest.mark.parametrize("arguments", [["completion", "bash"], ["completion", "none"], ["tail", "--help"]])
def test_closed_standard_streams_are_no_error(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert tools.run(arguments) == (2 if "none" in arguments else 0)
    for out in (sys.stdin, sys.stdout, sys.stderr):
        out.close()


def test_a_help_that_cannot_be_written_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Full(io.StringIO):
        def write(self, _: str) -> NoReturn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(sys, "stdout", Full())
    assert tools.run(["tail", "--help"]) == 1
    assert capsys.readouterr().err == "streamer: No space left on device\n"


def test_a_table_whose_reader_has_gone_is_a_broken_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """`reports_errors` takes it for success, as for all other output; rich would exit with 1."""
    reading, writing = os.pipe()
    os.close(reading)
    with open(writing, "w", buffering=1, encoding="utf-8") as out:
        monkeypatch.setattr(sys, "stdout", out)
        with pytest.raises(BrokenPipeError):
            print_table(["a"], [["b"]])
        os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # for the flush at the end


def test_ctrl_c_while_a_command_is_loaded_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(_: list[str]) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_tool", pressed)
    with pytest.raises(SystemExit) as ended:
        cli.main(["tail"])
    assert ended.value.code == 130
