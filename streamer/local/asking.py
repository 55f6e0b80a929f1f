"""Asks the service on loopback how it is."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

from streamer.local.ports import LOOPBACK

_TIMEOUT: Final = 0.4
"""Seconds. Nothing is asked again within it, and Ctrl-C waits for it."""


def ask(port: int, path: str) -> tuple[int, Any] | None:
    """The status and the JSON body of a GET, or None while nobody answers in time and in JSON."""
    connection = HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


def is_well(port: int, path: str) -> bool:
    """Whether a GET is answered with 200."""
    answer = ask(port, path)
    return answer is not None and answer[0] == 200
