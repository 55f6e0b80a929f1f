"""Structured logs on stderr, as JSON lines or as text."""

from __future__ import annotations

import json
import logging
import sys
from typing import Literal, TextIO

from streamer.change import iso_time
from streamer.telemetry.line_rate import LineRate
from streamer.telemetry.log_queue import LogQueue

_BURST = 1_000  # lines of one kind at once, in addition to one for each stream
_PLAIN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


def configure(level: str, form: Literal["json", "text"], stream: TextIO | None = None) -> logging.Handler:
    """Installs a handler that writes each line synchronously, in place of all other handlers of the root logger."""
    return _install(logging.StreamHandler(stream or sys.stderr), level, form)


def configure_queue(level: str, form: Literal["json", "text"], *, streams: int = 0) -> LogQueue:
    """Installs a handler that never blocks. `streams`: maximum number of streams; each logs a line at its end."""
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
    uvicorn.addFilter(_not_unfinished_response)
    return handler


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time, level, logger, message, and the members of `extra`; other types as strings."""

    def format(self, record: logging.LogRecord) -> str:
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
    """`12:30:45.123 INFO message key=value …`, with a traceback on the next lines."""

    def format(self, record: logging.LogRecord) -> str:
        extra = "".join(f" {name}={_one_line(value)}" for name, value in _extra(record).items())
        message = _one_line(record.getMessage())
        text = f"{iso_time(int(record.created * 1000))[11:23]} {record.levelname} {message}{extra}"
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        return text


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _PLAIN}


def _one_line(value: object) -> str:
    """Returns a value as text without line ends."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def _not_unfinished_response(record: logging.LogRecord) -> bool:
    """Filters uvicorn's error about an unfinished response: the ASGI sink ends the stream of a slow client this way."""
    return "returned without completing response" not in str(record.msg)
