"""The URL of the stream to follow."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final
from urllib.parse import urlsplit

PATH: Final = "/api/v2/stream"
_DEFAULT: Final = "http://127.0.0.1:8080"


def target(given: str | None) -> str:
    """Returns the given URL, else the URL of the newest running demo. Adds the default path if it has none."""
    text = given if given is not None else _demo() or _DEFAULT
    if "://" not in text and not text.startswith("/"):
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return text  # the client reports the error
    return text if parts.path.strip("/") else parts._replace(path=PATH).geturl()


def _demo() -> str | None:
    if find_spec("streamer.local") is None:  # not in the image
        return None
    from streamer.local.discovery import running

    return next((demo.base_url for demo in running()), None)
