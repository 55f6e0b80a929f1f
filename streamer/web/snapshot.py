"""The newest items over HTTP: what a client reads at start, after `reset`, and while no stream is to be had."""

from __future__ import annotations

import re
from typing import Final, Protocol

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from streamer.change import iso_time, parse_time
from streamer.cursor import Cursor, Page, read_cursor
from streamer.errors import RequestError
from streamer.sse.encode import to_json
from streamer.sse.events import SentimentUpdate
from streamer.web.parameters import read_tickers
from streamer.web.query import known, one, whole_number

PATH: Final = "/api/v2/sentiment"
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 500

_LONGEST_TIME: Final = 40
_PLUS: Final = re.compile(r" (?=\d\d:?\d\d$)")  # a zone's + that nobody has escaped


class Snapshot(Protocol):
    """Where the newest items are read. May raise TableError: 503."""

    async def page(
        self, tickers: frozenset[str] | None, since: str | None, limit: int, position: Cursor | None
    ) -> Page:
        """See tables.snapshot: bounded work, `limit` rows at most but for one item's."""


def install(app: FastAPI, snapshot: Snapshot) -> None:
    """Adds the route."""

    async def sentiment(request: Request) -> Response:
        query = request.query_params
        known(query, "tickers", "since", "limit", "cursor")
        page = await snapshot.page(
            read_tickers(query.getlist("tickers")),
            _since(one(query, "since")),
            whole_number(query, "limit", DEFAULT_LIMIT, MAX_LIMIT),
            _position(one(query, "cursor")),
        )
        return Response(write(page), media_type="application/json", headers={"Cache-Control": "no-store"})

    app.add_api_route(PATH, sentiment, methods=["GET"], include_in_schema=False)


def write(page: Page) -> str:
    """The page as JSON, each row exactly as `sentiment_update` has it."""
    rows = ",".join(SentimentUpdate.of(key, ticker, state).data() for key, state, ticker in page.rows)
    return f'{{"items":[{rows}],"cursor":{to_json(None if page.more is None else page.more.write())}}}'


def _since(value: str | None) -> str | None:
    if value is None:
        return None
    moment = parse_time(_PLUS.sub("+", value)) if len(value) <= _LONGEST_TIME else None
    if moment is None:
        raise RequestError(422, "since: give a time such as 2026-11-22T14:00:00Z")
    return iso_time(moment)


def _position(value: str | None) -> Cursor | None:
    try:
        return None if value is None else read_cursor(value)
    except ValueError:
        raise RequestError(422, "cursor: give the one that the page before ended with") from None
