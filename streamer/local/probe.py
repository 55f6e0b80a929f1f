"""Requests to the service on loopback."""

from __future__ import annotations

import json
from http.client import HTTPConnection, HTTPException
from typing import Any, Final

from streamer.local.ports import LOOPBACK

_TIMEOUT: Final = 0.4
"""Seconds. Ctrl-C takes effect after it."""


def get_json(port: int, path: str) -> tuple[int, Any] | None:
    """Returns status and JSON body of a GET; None if there is no response in time or the body is not JSON."""
    connection = HTTPConnection(LOOPBACK, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", path, headers={"Connection": "close"})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    except (OSError, HTTPException, ValueError):
        return None
    finally:
        connection.close()


def is_ready(port: int, path: str) -> bool:
    """Returns whether a GET has status 200."""
    response = get_json(port, path)
    return response is not None and response[0] == 200
