"""Structured logs on stderr, as JSON lines or as text."""

from __future__ import annotations

import json
import logging
import sys
from typing import Literal, TextIO

from streamer.change import iso_time
from streamer.telemetry.line_rate import LineRate
from streamer.telemetry.log_queue import LogQueue

_BURST = 1_000  # lines of one kind at once, besides those of the streams
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def configure(level: str, form: Literal["json", "text"], stream: TextIO | None = None) -> logging.Handler:
    """Sends all records to one handler, which writes each line before the call returns. Replaces earlier handlers."""
    return _install(logging.StreamHandler(stream or sys.stderr), level, form)


def configure_queue(level: str, form: Literal["json", "text"], *, streams: int = 0) -> LogQueue:
    """Sends all records to a handler that never blocks. All `streams` may end at once, and each logs a line."""
    handler = LogQueue(rate=LineRate(burst=_BURST + streams))
    _install(handler, level, form)
    return handler


def _install(handler: logging.Handler, level: str, form: Literal["json", "text"]) -> logging.Handler:
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for chatty in ("botocore", "boto3", "urllib3", "asyncio"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    uvicorn = logging.getLogger("uvicorn.error")
    uvicorn.setLevel(logging.WARNING)
    uvicorn.addFilter(_unfinished_on_purpose)
    return handler


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, and the members of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        """Values that JSON does not have are written as text."""
        members: dict[str, object] = {
            "time": iso_time(int(record.created * 1000)),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_extra(record),
        }
        if record.exc_info:
            members["exception"] = self.formatException(record.exc_info)
        return json.dumps(members, default=str)


class TextFormatter(logging.Formatter):
    """`12:30:45.123 INFO message key=value …`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and a traceback after it if there is one."""
        extra = "".join(f" {name}={_one_line(value)}" for name, value in _extra(record).items())
        message = _one_line(record.getMessage())
        text = f"{iso_time(int(record.created * 1000))[11:23]} {record.levelname} {message}{extra}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


def _one_line(value: object) -> str:
    """A value as text without line ends."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def _unfinished_on_purpose(record: logging.LogRecord) -> bool:
    """Drops uvicorn's error about an unfinished response: a plain ASGI app cuts off a slow client that way, and the
    stream's own line reports it."""
    return "returned without completing response" not in str(record.msg)
