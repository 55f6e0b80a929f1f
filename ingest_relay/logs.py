"""Logs JSON lines to standard error, which Lambda sends to CloudWatch."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final

LOGGER: Final = "ingest_relay"
_OWN: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One JSON object a record: time (ISO 8601 UTC), level, logger, message, and the members of `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {key: value for key, value in vars(record).items() if key not in _OWN}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, separators=(",", ":"), default=str)


def configure(level: str) -> None:
    """Makes this package log JSON at `level`.

    Keeps handlers that the logger `ingest_relay` already has (in the demo or in a test). Disables propagation, because
    Lambda's handler of the root logger would write each line again as text.
    """
    logger = logging.getLogger(LOGGER)
    logger.setLevel(level)
    if not logger.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonFormatter())
        logger.addHandler(handler)
        logger.propagate = False
