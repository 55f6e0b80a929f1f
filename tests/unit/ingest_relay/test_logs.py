"""Each log record is one line of JSON with what came by `extra`."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from ingest_relay import logs


def line(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(capsys.readouterr().err)
    return found


def test_a_line_holds_time_level_logger_message_and_extras(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("INFO")
    logging.getLogger("ingest_relay.relay").info("batch relayed", extra={"records": 3, "resume_at": None})
    said = line(capsys)
    assert said.pop("time").endswith("+00:00")
    assert said == {
        "level": "INFO",
        "logger": "ingest_relay.relay",
        "message": "batch relayed",
        "records": 3,
        "resume_at": None,
    }


def test_an_exception_stays_within_its_line(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("INFO")
    try:
        raise ValueError("a reason")
    except ValueError:
        logger.exception("it failed")
    assert "ValueError: a reason" in line(capsys)["exception"]


def test_the_level_is_obeyed(logger: logging.Logger, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("WARNING")
    logger.info("not worth a line")
    assert capsys.readouterr().err == ""


def test_twice_configured_is_written_once_and_not_to_the_root_logger_too(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    logs.configure("INFO")
    logs.configure("INFO")
    logger.info("once")
    assert line(capsys)["message"] == "once"
    assert caplog.messages == []


def test_a_process_that_listens_to_the_logger_keeps_its_own_ways(
    logger: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    logger.addHandler(logging.NullHandler())
    logs.configure("INFO")
    logger.info("for the process's handler alone")
    assert len(logger.handlers) == 1
    assert capsys.readouterr().err == ""
