"""The demo's command line."""

from __future__ import annotations

import argparse
import subprocess
import sys

import pytest

from streamer.local.options import add_arguments


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_the_defaults() -> None:
    assert vars(parsed()) == {"port": 8080, "rate": 5.0, "seed": 1, "seconds": None, "verbose": False}


def test_all_of_them() -> None:
    given = parsed("--port", "0", "--rate", "20", "--seed", "-3", "--for", "1.5", "--verbose")
    assert vars(given) == {"port": 0, "rate": 20.0, "seed": -3, "seconds": 1.5, "verbose": True}


@pytest.mark.parametrize(
    ("option", "value", "remedy"),
    [
        ("--port", "65536", "between 0 and 65535"),
        ("--port", "x", "between 0 and 65535"),
        ("--rate", "0", "between 0.01 and 500"),
        ("--rate", "nan", "between 0.01 and 500"),
        ("--for", "-1", "at least 0"),
    ],
)
def test_a_wrong_value_is_named_with_what_to_give(
    option: str, value: str, remedy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as left:
        parsed(option, value)
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert f"{option}: '{value}': give a number {remedy}" in said


def test_reading_them_imports_nothing_heavy() -> None:
    code = "import sys, streamer.local.options; print(sorted({'boto3', 'moto', 'fastapi'} & set(sys.modules)))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
