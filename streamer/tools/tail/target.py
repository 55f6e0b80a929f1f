"""The URL of the stream to follow."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final
from urllib.parse import quote, urlsplit

from streamer.client.address import PATH, complete
from streamer.tools.terminal.errors import UsageError

_DEFAULT: Final = "http://127.0.0.1:8080"


def target(given: str | None, configuration: str | None = None) -> str:
    """Returns the given URL, else the URL of the newest running demo. Adds the default path if it has none.

    With a configuration's id, the path is that of its stream. Raises UsageError if the URL has another path.
    """
    url = complete(given if given is not None else _demo() or _DEFAULT)
    if configuration is None:
        return url
    if not configuration.strip():
        raise UsageError(f"--configuration={configuration!r}: empty; give the id of a configuration")
    parts = urlsplit(url)
    if parts.path.rstrip("/") != PATH:
        raise UsageError(f"--configuration: the URL has the path {parts.path!r}; give the URL of the server")
    return parts._replace(path=f"/api/v2/configurations/{quote(configuration.strip(), safe='')}/stream").geturl()


def _demo() -> str | None:
    if find_spec("streamer.local") is None:  # not in the image
        return None
    from streamer.local.discovery import running

    return next((demo.base_url for demo in running()), None)
