"""The query of a stream request. A malformed one is a 422 that names the parameter and the entry and says how to write
it; it never quotes what was sent."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from starlette.datastructures import Headers, QueryParams

from streamer.change import TICKER
from streamer.errors import RequestError
from streamer.hub.filters import Filter, choose
from streamer.hub.resume import Request
from streamer.web.query import known

EVENTS = ("sentiment_update", "metrics")
MAX_TICKERS = 50

TICKERS: Final[dict[str, Any]] = {
    "name": "tickers",
    "in": "query",
    "description": f"Only these tickers, separated by commas; at most {MAX_TICKERS}.",
    "schema": {"type": "string"},
    "example": "AAPL,MSFT",
}
PARAMETERS: Final[tuple[dict[str, Any], ...]] = (
    TICKERS,
    {
        "name": "events",
        "in": "query",
        "description": "Only these of `sentiment_update` (withdrawals with it) and `metrics`, separated by commas.",
        "schema": {"type": "string"},
        "example": "sentiment_update",
    },
    {
        "name": "replay",
        "in": "query",
        "description": "Begin a fresh stream this many seconds back, as far as the history reaches.",
        "schema": {"type": "number", "minimum": 0},
    },
    {
        "name": "last_event_id",
        "in": "query",
        "description": "Resume after this place. The header `Last-Event-ID` wins over it.",
        "schema": {"type": "string"},
    },
    {
        "name": "lastEventId",
        "in": "query",
        "description": "The same, as event-source-polyfill sends it when it reconnects; wins over `last_event_id`.",
        "schema": {"type": "string"},
    },
    {
        "name": "on_full",
        "in": "query",
        "description": "`wait`: when no stream is free answer 200 with `retry:` and `closing` instead of 503.",
        "schema": {"type": "string", "enum": ["wait"]},
    },
    {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "Resume after this place; browsers send it by themselves.",
        "schema": {"type": "string"},
    },
)
"""In OpenAPI's own form, for `openapi_extra`: a stream opens without FastAPI reading each of them beside `parse`."""
_NAMES = tuple(str(parameter["name"]) for parameter in PARAMETERS if parameter["in"] == "query")


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """What a stream request asks for."""

    wanted: Filter
    start: Request
    waits_when_full: bool


def parse(
    query: QueryParams, headers: Headers, history_seconds: float, *, names_tickers: bool = True
) -> StreamParameters:
    """Reads a request. RequestError (422) names the first thing that is wrong.

    Without `names_tickers` the filter is for tickers that a configuration will supply.
    """
    if not names_tickers and "tickers" in query:
        raise RequestError(422, "tickers: this stream has those of its configuration; leave tickers out")
    known(query, *(_NAMES if names_tickers else [*_NAMES[1:], "ticket"]))
    tickers = read_tickers(query.getlist("tickers")) if names_tickers else frozenset()
    events = _events(query.getlist("events"))
    on_full = query.getlist("on_full")
    if any(value != "wait" for value in on_full):
        raise RequestError(422, "on_full: only `wait` is known")
    # A polyfill's URL can have both: the place that it began with, and the newer one from which it reconnects.
    place = headers.get("last-event-id") or query.get("lastEventId") or query.get("last_event_id")
    start = Request(place or None, _replay(query.getlist("replay"), history_seconds))
    return StreamParameters(choose(tickers, events), start, bool(on_full))


def _entries(name: str, values: Sequence[str]) -> list[str]:
    entries = [entry.strip() for value in values for entry in value.split(",")]
    for position, entry in enumerate(entries, 1):
        if not entry:
            raise RequestError(422, f"{name}: entry {position} is empty; leave {name} out to get everything")
    return entries


def read_tickers(values: Sequence[str]) -> frozenset[str] | None:
    """The values of `tickers` in upper case; None: every ticker. RequestError (422) names the mistake."""
    if not values:
        return None
    entries = _entries("tickers", values)
    for position, entry in enumerate(entries, 1):
        if not entry.isascii() or not TICKER.fullmatch(entry.upper()):
            raise RequestError(
                422, f"tickers: entry {position} is no ticker; write 1 to 12 of A-Z 0-9 . ^ = -, separated by commas"
            )
    tickers = frozenset(entry.upper() for entry in entries)
    if len(tickers) > MAX_TICKERS:
        raise RequestError(422, f"tickers: {len(tickers)} of them; at most {MAX_TICKERS} fit one stream")
    return tickers


def _events(values: Sequence[str]) -> frozenset[str] | None:
    if not values:
        return None
    entries = _entries("events", values)
    for position, entry in enumerate(entries, 1):
        if entry not in EVENTS:
            raise RequestError(422, f"events: entry {position} is unknown; known are {', '.join(EVENTS)}")
    return frozenset(entries)


def _replay(values: Sequence[str], history_seconds: float) -> int | None:
    if not values:
        return None
    if len(values) > 1 or not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,3})?", values[0]):
        raise RequestError(422, f"replay: give seconds as one number from 0 to {history_seconds:g}")
    seconds = float(values[0])
    if seconds > history_seconds:
        raise RequestError(422, f"replay: the history keeps {history_seconds:g} seconds; ask for no more")
    return round(seconds * 1000)
