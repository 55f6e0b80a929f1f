"""Which of a child's lines reach a person, and in which words."""

from __future__ import annotations

import json

import pytest

from streamer.local.log_line import LogLine, parse_line


def test_a_warning_is_shown_in_words_with_its_details() -> None:
    line = '{"time":"x","level":"WARNING","logger":"a.b","message":"a shard cannot be read","shard":"s-1"}'
    assert parse_line(line) == LogLine(
        "warning: a shard cannot be read shard=s-1", False, "a shard cannot be read", {"shard": "s-1"}
    )


def test_a_traceback_follows_on_lines_of_its_own() -> None:
    line = json.dumps({"level": "ERROR", "message": "failed", "exception": "Traceback:\n  boom"})
    assert parse_line(line) == LogLine("error: failed\nTraceback:\n  boom", False, "failed")


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
    assert parse_line(line).quiet


@pytest.mark.parametrize("line", ["Traceback (most recent call last):", "ValueError: x", "[1]", "17", "INFORMAL"])
def test_what_nobody_expected_is_shown_as_it_is(line: str) -> None:
    assert parse_line(line) == LogLine(line, quiet=False)
