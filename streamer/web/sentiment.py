"""The newest items over HTTP: what a client reads at start, after `reset`, and while it has no stream."""

from __future__ import annotations

import re
from typing import Annotated, Final, Protocol

from fastapi import Depends, FastAPI
from pydantic import Field, WithJsonSchema
from starlette.responses import Response

from streamer.change import iso_time, parse_time
from streamer.cursor import Cursor, Page, read_cursor
from streamer.errors import RequestError
from streamer.sse.encode import to_json
from streamer.sse.events import SentimentUpdate
from streamer.web.event_schemas import MODELS
from streamer.web.operation import SNAPSHOT, Described, answer, declared_query
from streamer.web.parameters import TICKERS, read_tickers
from streamer.web.problems import TABLE_AWAY, malformed
from streamer.web.query import CURSOR, CursorParameter, one, values, whole_number

PATH: Final = "/api/v2/sentiment"
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 500

_LONGEST_TIME: Final = 40
_PLUS: Final = re.compile(r" (?=\d\d:?\d\d$)")  # a zone's + that nobody has escaped


class SnapshotReader(Protocol):
    """Reads the newest items. May raise TableError: 503."""

    async def page(
        self, tickers: frozenset[str] | None, since: str | None, limit: int, position: Cursor | None
    ) -> Page:
        """Newest first; bounded work, at most `limit` rows, except that one item's rows stay together."""


Tickers = Annotated[
    list[str], values(TICKERS["description"], example=TICKERS["example"]), WithJsonSchema(TICKERS["schema"])
]
Since = Annotated[
    list[str],
    values(
        "Only items whose `timestamp` is not before this time: ISO 8601, UTC if it names no zone, years 1 to 9999.",
        example="2026-11-22T14:00:00Z",
    ),
    WithJsonSchema({"type": "string", "maxLength": _LONGEST_TIME}),
]
Limit = Annotated[
    list[str],
    values("Rows of a page."),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
]


class SentimentPage(Described):
    """A page of the newest items."""

    items: list[MODELS[SentimentUpdate]]  # type: ignore[valid-type] # made from the event's class
    cursor: str | None = Field(description=CURSOR)


_EXAMPLE: Final = {
    "items": [
        {
            "source_id": "news:finnhub:122871930", "timestamp": "2026-11-22T14:18:03.000Z",
            "version": "TzkT5XbGQFYvkhnFSFcH4Q", "ticker": "NVDA", "label": "positive", "score": 0.37,
            "confidence": 0.82, "source": "finnhub", "updated_at": "2026-11-22T14:18:46.507Z", "committed_at": None,
        }
    ],
    "cursor": None,
}  # fmt: skip


def install(app: FastAPI, snapshot: SnapshotReader) -> None:
    """Adds the route."""

    @app.get(
        PATH,
        operation_id="sentiment",
        tags=[SNAPSHOT],
        summary="The newest items",
        description="Newest first by `timestamp`; each row has the shape of the event `sentiment_update`, one for each"
        " item and ticker. A page holds at most `limit` rows, except that one item's rows stay together; it may hold"
        " fewer, even none, and still end with a `cursor`: the work of one request is bounded. Paging gives nothing"
        " twice and skips nothing, whatever is written meanwhile.",
        response_model=SentimentPage,
        response_description="A page.",
        responses={**answer(_EXAMPLE), **malformed("since: give a time such as 2026-11-22T14:00:00Z"), **TABLE_AWAY},
        dependencies=[Depends(declared_query)],
    )
    async def sentiment(tickers: Tickers, since: Since, limit: Limit, cursor: CursorParameter) -> Response:
        page = await snapshot.page(
            read_tickers(tickers),
            _since(one("since", since)),
            whole_number("limit", limit, DEFAULT_LIMIT, MAX_LIMIT),
            _position(one("cursor", cursor)),
        )
        return Response(write(page), media_type="application/json", headers={"Cache-Control": "no-store"})


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
