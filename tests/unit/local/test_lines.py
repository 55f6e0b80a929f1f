"""Which of a child's lines reach a person, and in which words."""

from __future__ import annotations

import json

import pytest

from streamer.local.lines import Log, Tell, read, tell


def test_a_warning_is_shown_in_words_with_its_details() -> None:
    line = '{"time":"x","level":"WARNING","logger":"a.b","message":"a shard cannot be read","shard":"s-1"}'
    assert read(line) == Log("warning: a shard cannot be read shard=s-1", False, "a shard cannot be read")


def test_a_traceback_follows_on_lines_of_its_own() -> None:
    line = json.dumps({"level": "ERROR", "message": "failed", "exception": "Traceback:\n  boom"})
    assert read(line) == Log("error: failed\nTraceback:\n  boom", False, "failed")


@pytest.mark.parametrize(
    "line",
    [
        '{"level":"INFO","message":"serving","port":8080}',
        '{"level":"DEBUG","message":"x"}',
        '{"_aws":{"Timestamp":1},"events":3}',
        "INFO: a logger of its own",
        "[INFO] likewise",
        "",
        "  ",
    ],
)
def test_what_is_no_warning_is_quiet(line: str) -> None:
    said = read(line)
    assert isinstance(said, Log)
    assert said.quiet


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "ValueError: x", "[1]", "17", "INFORMAL"])
def test_what_nobody_expected_is_shown_as_it_is(line: str) -> None:
    assert read(line) == Log(line, quiet=False)


def test_what_a_child_tells_is_read_back(capsys: pytest.CaptureFixture[str]) -> None:
    tell("resources", {"topic": "ü"})
    assert read(capsys.readouterr().out.rstrip("\n")) == Tell("resources", {"topic": "ü"})
