"""The URL of a stream, as people write it."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import httpx

from streamer.client.errors import NotAStream, one_line

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
        raise NotAStream(f"{one_line(text)} is not a URL: {one_line(error)}") from None
    escaped = b"%" in url.raw_host and b":" not in url.raw_host  # such as a space; not an IPv6 address with its zone
    if url.scheme not in ("http", "https") or not url.host or escaped:
        raise NotAStream(f"{one_line(text)} is not a URL; give http://HOST:PORT or https://HOST")
    return url
