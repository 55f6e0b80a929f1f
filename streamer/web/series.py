"""The route of the counts and scores of tickers over time."""

from __future__ import annotations

from typing import Annotated, Final, Protocol

from fastapi import Depends, FastAPI
from pydantic import Field, WithJsonSchema
from starlette.responses import Response

from streamer.change import plain
from streamer.errors import RequestError
from streamer.series import BUCKETS, SeriesBucket, SeriesCursor, SeriesPage, SeriesRequest, read_series_cursor
from streamer.sse.encode import to_json
from streamer.web.operation import SNAPSHOT, TICKER, TIME, Described, declared_query, get_or_head, json_example
from streamer.web.parameters import MAX_TICKERS, TICKERS, read_tickers
from streamer.web.problems import TABLE_AWAY, malformed
from streamer.web.query import CURSOR, LONGEST_TIME, CursorParameter, query_values, read_time, single

PATH: Final = "/api/v2/sentiment/series"
_DEFAULT_BUCKET: Final = 300
_NO_TICKERS: Final = f"tickers: give 1 to {MAX_TICKERS} tickers, separated by commas"
_BAD_BUCKET: Final = f"bucket: give one of {', '.join(map(str, BUCKETS))}"


class SeriesReader(Protocol):
    """Reads series. May raise TableError (503)."""

    async def series(self, request: SeriesRequest) -> SeriesPage:
        """Returns a page after bounded work."""


SeriesTickers = Annotated[
    list[str],
    query_values(f"1 to {MAX_TICKERS} tickers, separated by commas.", example=TICKERS["example"]),
    WithJsonSchema(TICKERS["schema"]),
]
BucketLength = Annotated[
    list[str],
    query_values("Length of the buckets in seconds."),
    WithJsonSchema({"type": "integer", "enum": list(BUCKETS), "default": _DEFAULT_BUCKET}),
]
SeriesSince = Annotated[
    list[str],
    query_values(
        "The first bucket has this time (ISO 8601, UTC if it has no time zone). At most 24 hours ago, which is the"
        " default.",
        example="2026-11-22T14:00:00Z",
    ),
    WithJsonSchema({"type": "string", "maxLength": LONGEST_TIME}),
]
_SCORE: Final = WithJsonSchema({"type": "number", "minimum": -1, "maximum": 1})


class Bucket(Described):
    """The items of one ticker whose `timestamp` is in a span of time."""

    time: Annotated[str, WithJsonSchema(TIME)] = Field(description="Start of the bucket.")
    items: int
    positive: int
    neutral: int
    negative: int
    mean: Annotated[float, _SCORE] = Field(description="Mean score, rounded to six decimal places.")
    least: Annotated[float, _SCORE] = Field(description="Smallest score.")
    greatest: Annotated[float, _SCORE] = Field(description="Largest score.")
    last: Annotated[float, _SCORE] = Field(description="Score of the item with the latest timestamp.")


class SeriesOfTicker(Described):
    """The buckets of one ticker, the oldest first. Buckets without items are left out."""

    ticker: Annotated[str, WithJsonSchema(TICKER)]
    buckets: list[Bucket]


class SeriesAnswer(Described):
    """Counts and scores over time. Tickers without items are left out."""

    bucket: int = Field(description="Length of the buckets in seconds.")
    since: Annotated[str, WithJsonSchema(TIME)] = Field(
        description="Start of the first bucket: from here on every item is counted. Later than requested if the items"
        " before are not known."
    )
    series: list[SeriesOfTicker]
    cursor: str | None = Field(description=CURSOR)
    as_of: str | None = Field(
        description="The place in the stream whose state this page shows; null if the items were read from the table."
    )


_EXAMPLE: Final = {
    "bucket": 300,
    "since": "2026-11-22T14:00:00.000Z",
    "series": [
        {
            "ticker": "NVDA",
            "buckets": [
                {
                    "time": "2026-11-22T14:15:00.000Z", "items": 3, "positive": 2, "neutral": 0, "negative": 1,
                    "mean": 0.213333, "least": -0.4, "greatest": 0.67, "last": 0.37,
                }
            ],
        }
    ],
    "cursor": None,
    "as_of": "evt_01a2039f-73a0-8ad7-80ff-ee1000000007",
}  # fmt: skip


def install(app: FastAPI, reader: SeriesReader) -> None:
    """Adds the route."""

    @get_or_head(
        app,
        PATH,
        operation_id="sentimentSeries",
        tags=[SNAPSHOT],
        summary="Read counts and scores over time",
        description="For each ticker and bucket: the number of items by label, and the mean, smallest, largest and last"
        " score. A corrected item counts as it is now; a deleted one does not count. The streaming service has the last"
        " 24 hours; the REST function has the last hour, or less if its queries do not reach so far, as `since` says.",
        response_model=SeriesAnswer,
        response_description="A page.",
        responses={**json_example(_EXAMPLE), **malformed(_NO_TICKERS), **TABLE_AWAY},
        dependencies=[Depends(declared_query)],
    )
    async def series(
        tickers: SeriesTickers, bucket: BucketLength, since: SeriesSince, cursor: CursorParameter
    ) -> Response:
        wanted = read_tickers(tickers)
        if wanted is None:
            raise RequestError(422, _NO_TICKERS)
        since_ms = read_time("since", since)
        request = SeriesRequest(
            wanted,
            _bucket(single("bucket", bucket)),
            0 if since_ms is None else since_ms,
            _cursor(single("cursor", cursor)),
        )
        page = await reader.series(request)
        return Response(write(page), media_type="application/json", headers={"Cache-Control": "no-store"})


def write(page: SeriesPage) -> str:
    """Returns the page as JSON."""
    series = ",".join(
        f'{{"ticker":"{each.ticker}","buckets":[{",".join(map(_write_bucket, each.buckets))}]}}' for each in page.series
    )
    cursor = to_json(None if page.more is None else page.more.write())
    return (
        f'{{"bucket":{page.bucket},"since":"{page.since}","series":[{series}],"cursor":{cursor},'
        f'"as_of":{to_json(page.as_of)}}}'
    )


def _write_bucket(bucket: SeriesBucket) -> str:
    return (
        f'{{"time":"{bucket.time}","items":{bucket.items},"positive":{bucket.positive},"neutral":{bucket.neutral},'
        f'"negative":{bucket.negative},"mean":{plain(bucket.mean)},"least":{plain(bucket.least)},'
        f'"greatest":{plain(bucket.greatest)},"last":{plain(bucket.last)}}}'
    )


def _bucket(value: str | None) -> int:
    if value is None:
        return _DEFAULT_BUCKET
    if value not in map(str, BUCKETS):
        raise RequestError(422, _BAD_BUCKET)
    return int(value)


def _cursor(value: str | None) -> SeriesCursor | None:
    try:
        return None if value is None else read_series_cursor(value)
    except ValueError:
        raise RequestError(422, "cursor: send the `cursor` of the previous page") from None
