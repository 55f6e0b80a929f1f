"""The URL of a stream, as people write it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

import httpx

from streamer.client.errors import NotAStream, one_line, without_user

PATH: Final = "/api/v2/stream"


def complete(text: str) -> str:
    """Adds what may be left out: `http://`, and the path of the stream of all tickers. Other text is returned
    unchanged."""
    if "://" not in text and not text.startswith("/"):
        text = f"http://{text}"
    try:
        parts = urlsplit(text)
    except ValueError:
        return text  # `stream_url` reports the error
    return text if parts.path.strip("/") else parts._replace(path=PATH).geturl()


def stream_url(text: str) -> httpx.URL:
    """Returns the URL of a stream. Raises NotAStream for text that is no HTTP URL."""
    try:
        url = httpx.URL(complete(text))
    except httpx.InvalidURL as error:
        raise NotAStream(f"{one_line(without_user(text))} is not a URL: {one_line(error)}") from None
    escaped = b"%" in url.raw_host and b":" not in url.raw_host  # such as a space; not an IPv6 address with its zone
    if url.scheme not in ("http", "https") or not names_server(url) or escaped:
        raise NotAStream(f"{one_line(without_user(text))} is not a URL; give http://HOST:PORT or https://HOST")
    return url


def names_server(url: httpx.URL) -> bool:
    """Returns whether the URL has a host, and a port that exists. httpx accepts other ports, and malformed hosts such
    as `xn--`, and fails later."""
    try:
        return bool(url.host) and 0 <= (url.port or 0) <= 65_535
    except UnicodeError:
        return False


def joined(names: Iterable[str] | None) -> str | None:
    """Returns the value of a parameter. Text is one already: `AAPL,MSFT`."""
    return names if names is None or isinstance(names, str) else ",".join(names)
