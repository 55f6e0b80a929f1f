"""Reads /api/v2/stream/status of a server."""

from __future__ import annotations

import json
from typing import Any, Final

import httpx

from streamer.client.address import stream_url
from streamer.client.environment import find_proxy, open_client
from streamer.client.errors import InvalidEnvironment, NotAStream
from streamer.client.response import LONGEST_WHOLE, read_whole, safe_url, unread
from streamer.tools.terminal.errors import ToolError, UsageError

PATH: Final = "/api/v2/stream/status"
_API: Final = "/api/v2/"
_MEMBERS: Final = ("mode", "connections", "max_connections")
"""A JSON object without these is not our status."""


def status_url(stream: str) -> httpx.URL:
    """Returns the URL of the status beside a stream of the same server. Raises UsageError for what is no URL."""
    try:
        url = stream_url(stream)
    except NotAStream as error:
        raise UsageError(str(error)) from None
    prefix = url.path.partition(_API)[0].rstrip("/")  # of a gateway
    return url.copy_with(path=f"{prefix}{PATH}", query=None, fragment=None)


async def read_status(url: httpx.URL, headers: httpx.Headers) -> dict[str, Any]:
    """Returns the members. Raises ToolError."""
    try:
        proxy = find_proxy(url)
        async with open_client(url, proxy, headers, httpx.Timeout(LONGEST_WHOLE)) as client:
            response, content = await read_whole(client, url)
    except InvalidEnvironment as error:
        raise ToolError(str(error)) from None
    except httpx.HTTPError as error:
        raise ToolError(unread(error, url, proxy)) from None
    if response.status_code != httpx.codes.OK:
        raise ToolError(f"{safe_url(url)} answered {response.status_code} {response.reason_phrase}".rstrip())
    try:
        members = json.loads(content)
    except (ValueError, RecursionError):
        members = None
    if not isinstance(members, dict) or not all(name in members for name in _MEMBERS):
        raise ToolError(f"{safe_url(url)} did not answer with a status; give the URL of a streamer")
    return members
