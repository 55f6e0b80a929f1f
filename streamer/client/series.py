"""Reads counts and scores of tickers over time: GET /api/v2/sentiment/series."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

import httpx

from streamer.client.address import joined, stream_url
from streamer.client.environment import find_proxy, open_client
from streamer.client.errors import InvalidEnvironment, NotAStream, SeriesFailed, one_line
from streamer.client.response import LONGEST_WHOLE, read_whole, safe_url, unread
from streamer.series import SeriesBucket, TickerSeries

_MOST_PAGES: Final = 1_000


@dataclass(frozen=True, slots=True)
class Series:
    """All pages of an answer."""

    since: str
    """Start of the first bucket: from here on every item is counted."""
    tickers: Sequence[TickerSeries]
    """Tickers and buckets without items are left out."""


async def read_series(
    url: str,
    tickers: Iterable[str],
    *,
    bucket: int = 300,
    since: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Series:
    """Returns the series of 1 to 50 tickers (names, or text with commas). `url`: of the server, without a path.
    `bucket`: seconds, 60, 300, 900 or 3600. `since`: ISO 8601; None for 24 hours ago. Raises SeriesFailed."""
    parameters = {"tickers": joined(tickers) or "", "bucket": str(bucket)} | ({} if since is None else {"since": since})
    buckets: dict[str, list[SeriesBucket]] = {}
    known_since = ""
    sent = httpx.Headers(headers)
    try:
        asked = stream_url(url).join("/api/v2/sentiment/series")
        proxy = find_proxy(asked)
        async with open_client(asked, proxy, sent, httpx.Timeout(LONGEST_WHOLE)) as client:
            for _ in range(_MOST_PAGES):
                page = _page(*await read_whole(client, asked, parameters))
                known_since = max(known_since, str(page["since"]))
                for each in page["series"]:
                    buckets.setdefault(str(each["ticker"]), []).extend(map(_bucket, each["buckets"]))
                if page["cursor"] is None:
                    return Series(known_since, [TickerSeries(ticker, found) for ticker, found in buckets.items()])
                parameters["cursor"] = str(page["cursor"])
    except (NotAStream, InvalidEnvironment) as error:
        raise SeriesFailed(str(error)) from error
    except httpx.HTTPError as error:
        raise SeriesFailed(unread(error, asked, proxy)) from error
    except (ValueError, KeyError, TypeError, ArithmeticError, RecursionError) as error:
        raise SeriesFailed(f"{safe_url(url)} did not answer with a series") from error
    raise SeriesFailed(f"{safe_url(url)} answered with more than {_MOST_PAGES} pages")


def _page(response: httpx.Response, content: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(content, parse_float=Decimal)
    except (ValueError, RecursionError):
        answer = None
    if response.status_code != httpx.codes.OK:
        detail = answer.get("detail") if isinstance(answer, dict) else None
        reason = f": {one_line(detail)}" if isinstance(detail, str) else ""
        raise SeriesFailed(f"{safe_url(response.url)} answered {response.status_code}{reason}")
    if not isinstance(answer, dict):
        raise TypeError("not an object")
    return answer


def _bucket(members: Mapping[str, Any]) -> SeriesBucket:
    items, positive, neutral, negative = (int(members[name]) for name in ("items", "positive", "neutral", "negative"))
    mean, least, greatest, last = (Decimal(members[name]) for name in ("mean", "least", "greatest", "last"))
    return SeriesBucket(str(members["time"]), items, positive, neutral, negative, mean, least, greatest, last)
