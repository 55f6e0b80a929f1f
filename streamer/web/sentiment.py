"""The route of the newest items. Clients read them at start, after `reset`, and while they have no stream."""

from __future__ import annotations

from functools import lru_cache
from typing import Annotated, Final, Protocol

from fastapi import Depends, FastAPI
from pydantic import Field, WithJsonSchema
from starlette.responses import Response

from streamer.change import iso_time
from streamer.cursor import Cursor, Page, PageRow, read_cursor
from streamer.errors import RequestError
from streamer.sse.encode import to_json
from streamer.sse.events import SentimentUpdate
from streamer.web.event_schemas import MODELS
from streamer.web.operation import SNAPSHOT, Described, declared_query, get_or_head, json_example
from streamer.web.parameters import TICKERS, read_tickers
from streamer.web.problems import TABLE_AWAY, malformed
from streamer.web.query import (
    CURSOR,
    LONGEST_TIME,
    CursorParameter,
    bad_time,
    query_values,
    read_time,
    single,
    whole_number,
)

PATH: Final = "/api/v2/sentiment"
DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 500

KEPT_ROWS: Final = 10_000
"""Rows that are kept as JSON."""


class SnapshotReader(Protocol):
    """Reads the newest items. May raise TableError (503)."""

    async def page(self, tickers: frozenset[str] | None, since: str | None, limit: int, cursor: Cursor | None) -> Page:
        """Returns rows, newest first, after a bounded number of queries. At most `limit` rows, except that the rows of
        one item are never split. If no query was needed, the page has the place in the stream whose state it shows."""


Tickers = Annotated[
    list[str], query_values(TICKERS["description"], example=TICKERS["example"]), WithJsonSchema(TICKERS["schema"])
]
Since = Annotated[
    list[str],
    query_values(
        "Only items whose `timestamp` is at or after this time (ISO 8601, UTC if it has no time zone).",
        example="2026-11-22T14:00:00Z",
    ),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_TIME}),
]
Limit = Annotated[
    list[str],
    query_values("Maximum number of rows per page."),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
]


class SentimentPage(Described):
    """A page of the newest items."""

    items: list[MODELS[SentimentUpdate]]  # type: ignore[valid-type] # created from the event's class
    cursor: str | None = Field(description=CURSOR)
    as_of: str | None = Field(
        description="The place in the stream whose state this page shows: a stream opened with it as `last_event_id`"
        " sends every later change of these rows. null if the page was read from the table."
    )


_EXAMPLE: Final = {
    "items": [
        {
            "source_id": "news:finnhub:122871930", "timestamp": "2026-11-22T14:18:03.000Z",
            "version": "TzkT5XbGQFYvkhnFSFcH4Q", "ticker": "NVDA", "label": "positive", "score": 0.37,
            "confidence": 0.82, "source": "finnhub", "updated_at": "2026-11-22T14:18:46.507Z", "committed_at": None,
        }
    ],
    "cursor": None, "as_of": "evt_01a2039f-73a0-8ad7-80ff-ee1000000007",
}  # fmt: skip


def install(app: FastAPI, snapshot: SnapshotReader) -> None:
    """Adds the route."""

    @get_or_head(
        app,
        PATH,
        operation_id="sentiment",
        tags=[SNAPSHOT],
        summary="Read the newest items",
        description="Newest first by `timestamp`; one row per item and ticker, with the members of the event"
        " `sentiment_update`. A page has at most `limit` rows, except that the rows of one item are never split. It may"
        " have fewer rows, even none, and still a `cursor`, because the work of one request is limited, and where the"
        " memory of the service ends: older items are read from the table. No row is repeated or skipped between pages,"
        " even if items are written meanwhile.",
        response_model=SentimentPage,
        response_description="A page.",
        responses={
            **json_example(_EXAMPLE),
            **malformed(bad_time("since")),
            **TABLE_AWAY,
        },
        dependencies=[Depends(declared_query)],
    )
    async def sentiment(tickers: Tickers, since: Since, limit: Limit, cursor: CursorParameter) -> Response:
        since_ms = read_time("since", since)
        page = await snapshot.page(
            read_tickers(tickers),
            None if since_ms is None else iso_time(since_ms),
            whole_number("limit", limit, DEFAULT_LIMIT, MAX_LIMIT),
            _cursor(single("cursor", cursor)),
        )
        return Response(write(page), media_type="application/json", headers={"Cache-Control": "no-store"})


def write(page: Page) -> str:
    """Returns the page as JSON."""
    cursor = to_json(None if page.more is None else page.more.write())
    return f'{{"items":[{",".join(map(write_row, page.rows))}],"cursor":{cursor},"as_of":{to_json(page.as_of)}}}'


@lru_cache(maxsize=KEPT_ROWS)  # most rows of a page are those of the page a second before
def write_row(row: PageRow) -> str:
    """Returns a row as JSON: the same text as the data of `sentiment_update`."""
    return SentimentUpdate.of(row.key, row.ticker, row.state).data()


def _cursor(value: str | None) -> Cursor | None:
    try:
        return None if value is None else read_cursor(value)
    except ValueError:
        raise RequestError(422, "cursor: send the `cursor` of the previous page") from None
