"""The head of an answer: a stream, or what it is instead."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from email.utils import parsedate_to_datetime
from typing import Final

import httpx

from streamer.client.body import body
from streamer.client.setback import NotAStream, Setback, authority, one_line

STREAM: Final = "text/event-stream"
_TEMPORARY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
_MOST_READ: Final = 64 * 1024
_LONGEST_READ: Final = 5.0  # seconds for the words of a refusal


def redirect(answer: httpx.Response, asked: httpx.URL) -> httpx.URL | None:
    """Where to go instead, if that is the same server (scheme, host and port); None: the answer is no redirect.

    NotAStream for one that leads elsewhere: headers may hold a secret, and whoever moved the stream should be noticed.
    """
    if not answer.has_redirect_location:
        return None
    target = asked.join(answer.headers["location"])  # that it is a URL, httpx has seen
    if (target.scheme, target.host, _port(target)) != (asked.scheme, asked.host, _port(asked)):
        raise NotAStream(f"{shown(asked)} redirects to {shown(target)}: give that URL if you trust it")
    return target


def shown(url: httpx.URL | str) -> str:
    """A URL as it may be shown and recorded: without user and password, its ticket masked."""
    safe = httpx.URL(url).copy_with(username=None, password=None)
    if "ticket" in safe.params:
        safe = safe.copy_set_param("ticket", "***")
    return one_line(safe)


async def check(answer: httpx.Response, asked: httpx.URL, now: float) -> None:
    """Returns if the answer is a stream. Raises Setback if waiting may help, NotAStream if not. `now`: Unix seconds."""
    status = answer.status_code
    if status in _TEMPORARY:
        raise Setback(await _said(answer, authority(asked)), wait=_retry_after(answer, now))
    match status:
        case 200:
            kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind != STREAM:
                raise NotAStream(
                    f"{shown(asked)} is {_what(kind)}, not a stream ({STREAM}): give the URL of the stream itself"
                )
            return
        case 204:
            raise NotAStream(f"{shown(asked)} says that there is nothing to come (204)")
        case 401 | 403:
            raise NotAStream(f"{await _said(answer, shown(asked))}: it wants to know who you are")
        case 404:
            raise NotAStream(f"there is no stream at {shown(asked)} (404)")
    raise NotAStream(await _said(answer, shown(asked)))


async def _said(answer: httpx.Response, who: str) -> str:
    """Status and, where there is one, the problem's own words."""
    words = f"{who} answered {answer.status_code} {answer.reason_phrase}".strip()
    detail = _detail(await _beginning(answer))
    return f"{words}: {detail}" if detail else words


async def _beginning(answer: httpx.Response) -> bytes:
    begun = b""
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_LONGEST_READ), body(answer) as parts:
            async for part in parts:
                begun += part
                if len(begun) > _MOST_READ:
                    break
    return begun


def _detail(text: bytes) -> str:
    try:
        problem = json.loads(text)
    except (ValueError, RecursionError):
        return ""
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return one_line(detail) if isinstance(detail, str) else ""


def _retry_after(answer: httpx.Response, now: float) -> float | None:
    """Seconds, from a number or a date; None if it says neither."""
    text = answer.headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


def _what(kind: str) -> str:
    known = {"text/html": "a web page", "application/json": "JSON", "text/plain": "plain text"}
    return known.get(kind) or (f"of type {one_line(kind)}" if kind else "of no type")
