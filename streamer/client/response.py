"""Checks the response to a request for a stream, and reads its body."""

from __future__ import annotations

import asyncio
import html
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple

import httpx

from streamer.client.environment import EnvironmentProxy
from streamer.client.errors import ConnectionFailed, NotAStream, authority, of_error, one_line

STREAM: Final = "text/event-stream"
_TEMPORARY: Final = frozenset({408, 421, 425, 429, 499, *range(500, 600)}) - {501, 505}
"""Statuses after which a later attempt may succeed: also those of gateways, such as Cloudflare's 520 to 530."""
LONGEST_WHOLE: Final = 15.0  # seconds
MOST_WHOLE: Final = 16 * 1024 * 1024
_TITLE: Final = re.compile(rb"<title[^>]{0,200}>([^<]{1,300})", re.IGNORECASE)
_MOST_READ: Final = 64 * 1024
_LONGEST_READ: Final = 5.0  # seconds for the body of an error


class Whole(NamedTuple):
    """A complete answer."""

    response: httpx.Response
    content: bytes


def redirect(response: httpx.Response, asked: httpx.URL) -> httpx.URL | None:
    """Returns the target of a redirect to the same origin (scheme, host and port); None if there is no redirect.

    Raises NotAStream for a redirect to another origin, because the request headers may contain a secret.
    """
    if not response.has_redirect_location:
        return None
    target = asked.join(response.headers["location"])  # httpx has checked that it is a URL
    if (target.scheme, target.host, _port(target)) != (asked.scheme, asked.host, _port(asked)):
        raise NotAStream(f"{safe_url(asked)} redirects to {safe_url(target)}; give that URL if you trust it")
    return target


def safe_url(url: httpx.URL | str) -> str:
    """Returns the URL without user and password and with a masked ticket, for messages and recordings."""
    safe = httpx.URL(url).copy_with(username=None, password=None)
    if "ticket" in safe.params:
        safe = safe.copy_set_param("ticket", "***")
    return one_line(safe)


async def check(response: httpx.Response, asked: httpx.URL, now: float, *, opened: bool) -> None:
    """Raises ConnectionFailed if the response is a temporary error, NotAStream if it is no stream for another reason.

    `now`: Unix seconds. `opened`: whether this URL was a stream before. Then other content is temporary, such as the
    page that a gateway shows during maintenance.
    """
    status = response.status_code
    if status in _TEMPORARY:
        raise ConnectionFailed(await _describe(response, authority(asked)), wait=_retry_after(response, now))
    match status:
        case 200:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind == STREAM:
                return
            content = _content_text(kind, await _first_bytes(response))
            if opened:
                raise ConnectionFailed(
                    f"{authority(asked)} answered with {content} in place of the stream",
                    wait=_retry_after(response, now),
                )
            raise NotAStream(f"{safe_url(asked)} is {content}, not a stream ({STREAM}); give the URL of a stream")
        case 204:
            raise NotAStream(f"{safe_url(asked)} has no content (204)")
        case 401 | 403:
            raise NotAStream(f"{await _describe(response, safe_url(asked))}; identify yourself")
        case 404:
            raise NotAStream(f"{safe_url(asked)} does not exist (404); give the URL of a stream")
    raise NotAStream(await _describe(response, safe_url(asked)))


@asynccontextmanager
async def get(
    client: httpx.AsyncClient,
    url: httpx.URL,
    *,
    parameters: Mapping[str, str] | None = None,
    headers: Mapping[bytes, bytes] | None = None,
) -> AsyncIterator[httpx.Response]:
    """Yields the response, whose body is not read yet. Raises httpx.RequestError, also for a redirect to what is no
    URL, for which httpx raises various errors."""
    request = client.build_request("GET", url, params=parameters, headers=headers)
    try:
        response = await client.send(request, stream=True)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise httpx.RemoteProtocolError(f"Invalid URL in location header: {error}", request=request) from None
    try:
        yield response
    finally:
        await response.aclose()


@asynccontextmanager
async def read_body(response: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """Yields the body in parts as they arrive. Leaving the context closes the connection.

    httpx reads through nested asynchronous generators. If they are not exhausted, the event loop closes each in a
    separate task, which may be too late when the loop stops. Therefore the connection is closed first, and the
    generators are exhausted afterwards.
    """
    parts = response.aiter_bytes()
    try:
        yield parts
    finally:
        await response.aclose()
        with suppress(httpx.HTTPError, httpx.StreamError):
            async for _ in parts:
                pass


async def read_whole(client: httpx.AsyncClient, url: httpx.URL, parameters: Mapping[str, str] | None = None) -> Whole:
    """GET of a JSON answer. A server that never ends its answer, such as an event stream, is left after LONGEST_WHOLE
    seconds or MOST_WHOLE bytes. Raises httpx.HTTPError."""
    try:
        async with asyncio.timeout(LONGEST_WHOLE), get(client, url, parameters=parameters) as response:
            content = bytearray()
            async with read_body(response) as parts:
                async for part in parts:
                    content += part
                    if len(content) > MOST_WHOLE:
                        raise httpx.DecodingError(f"it sent more than {MOST_WHOLE // 1024**2} MB")
    except TimeoutError:
        raise httpx.ReadTimeout(f"no complete answer within {LONGEST_WHOLE:g} s") from None
    return Whole(response, bytes(content))


def unread(error: httpx.HTTPError, url: httpx.URL, through: EnvironmentProxy | None) -> str:
    """Returns why there is no answer, as one sentence."""
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        proxy = None if through is None else through.label
        return str(of_error(error, url, opened=False, watchdog=LONGEST_WHOLE, proxy=proxy))
    return f"{safe_url(url)} cannot be read: {one_line(error) or type(error).__name__}"


async def _describe(response: httpx.Response, who: str) -> str:
    """Returns the status and, if there is one, the `detail` of the problem details."""
    status = f"{who} answered {response.status_code} {response.reason_phrase}".strip()
    detail = _detail(await _first_bytes(response))
    return f"{status}: {detail}" if detail else status


async def _first_bytes(response: httpx.Response) -> bytes:
    begun = b""
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_LONGEST_READ), read_body(response) as parts:
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


def _retry_after(response: httpx.Response, now: float) -> float | None:
    """Returns the seconds of a Retry-After header, which has a number or a date; None without a valid header."""
    text = response.headers.get("retry-after", "")
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _port(url: httpx.URL) -> int | None:
    return url.port or {"http": 80, "https": 443}.get(url.scheme)


def _content_text(kind: str, begun: bytes) -> str:
    """Describes content that is no stream; a web page by its title."""
    if kind == "text/html" and (title := _TITLE.search(begun)) is not None:
        return f"a web page ({one_line(html.unescape(title[1].decode(errors='replace')), 100)})"
    known = {"text/html": "a web page", "application/json": "JSON", "text/plain": "plain text"}
    return known.get(kind) or (f"of type {one_line(kind)}" if kind else "of no type")
