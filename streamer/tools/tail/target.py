"""The URL of the stream to follow."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final

from streamer.client.address import complete

_DEFAULT: Final = "http://127.0.0.1:8080"


def target(given: str | None) -> str:
    """Returns the given URL, else the URL of the newest running demo. Adds the default path if it has none."""
    return complete(given if given is not None else _demo() or _DEFAULT)


def _demo() -> str | None:
    if find_spec("streamer.local") is None:  # not in the image
        return None
    from streamer.local.discovery import running

    return next((demo.base_url for demo in running()), None)
