"""What the relay's tests share."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from ingest_relay import logs


@pytest.fixture(autouse=True)
def logger() -> Iterator[logging.Logger]:
    """The package's logger as a new process has it, without handlers or level; likewise afterwards."""
    package = logging.getLogger(logs.LOGGER)
    _reset(package)
    yield package
    _reset(package)


def _reset(logger: logging.Logger) -> None:
    logger.handlers.clear()
    logger.setLevel(logging.NOTSET)
    logger.propagate = True
