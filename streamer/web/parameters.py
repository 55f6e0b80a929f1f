"""Parses the query of a stream request. A mistake is a 422 that names the parameter and the entry, and never quotes
input."""

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
from streamer.web.query import check_names

EVENTS = ("sentiment_update", "metrics")
MAX_TICKERS = 50

TICKERS: Final[dict[str, Any]] = {
    "name": "tickers",
    "in": "query",
    "description": f"Only these tickers, separated by commas; at most {MAX_TICKERS}.",
    "schema": {"type": "string"},
    "example": "AAPL,MSFT",
}
_POLYFILL: Final[dict[str, Any]] = {
    "name": "lastEventId",
    "in": "query",
    "description": "The name that event-source-polyfill uses; takes precedence over `last_event_id`.",
    "schema": {"type": "string"},
}
_REPLAY: Final[dict[str, Any]] = {
    "name": "replay",
    "in": "query",
    "description": "Without an id: start this many seconds before now, at most the length of the server's history"
    " (`SSE_HISTORY`). A larger number is a 422 whose `detail` has the length.",
    "schema": {"type": "number", "minimum": 0},
}
PARAMETERS: Final[tuple[dict[str, Any], ...]] = (
    TICKERS,
    {
        "name": "events",
        "in": "query",
        "description": "Only these events: `sentiment_update` (and `sentiment_withdrawn`), `metrics`. Comma-separated.",
        "schema": {"type": "string"},
        "example": "sentiment_update",
    },
    _REPLAY,
    {
        "name": "last_event_id",
        "in": "query",
        "description": "Resume after this event id. The header `Last-Event-ID` takes precedence.",
        "schema": {"type": "string"},
    },
    _POLYFILL,
    {
        "name": "on_full",
        "in": "query",
        "description": "`wait`: if no stream is free, respond with 200, `retry:` and `closing` instead of 503 or 429.",
        "schema": {"type": "string", "enum": ["wait"]},
    },
    {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "Resume after this event id. Browsers send it when they reconnect.",
        "schema": {"type": "string"},
    },
)
"""In the format of OpenAPI, for `openapi_extra`: if FastAPI knew them, it would parse them in addition to `parse`."""
NO_TICKERS: Final = "tickers: this stream has the tickers of its configuration; leave tickers out"
_NAMES = tuple(str(parameter["name"]) for parameter in PARAMETERS if parameter["in"] == "query")


def documented_parameters(history_seconds: float, *, with_tickers: bool = True) -> list[dict[str, Any]]:
    """Returns PARAMETERS for OpenAPI, with the limit of `replay`, and without `lastEventId`: generators make it the
    same identifier as `last_event_id`, and drop the route."""
    replay = {**_REPLAY, "schema": {**_REPLAY["schema"], "maximum": history_seconds}}
    known = [replay if each is _REPLAY else each for each in PARAMETERS if each is not _POLYFILL]
    return known if with_tickers else [each for each in known if each is not TICKERS]


@dataclass(frozen=True, slots=True)
class StreamParameters:
    """The parsed query of a stream request."""

    filter: Filter
    start: Request
    waits_when_full: bool


def parse(
    query: QueryParams, headers: Headers, history_seconds: float, *, with_tickers: bool = True
) -> StreamParameters:
    """Parses a request. Raises RequestError (422) for the first mistake.

    `with_tickers`: False for a configuration's stream, whose tickers the caller fills in later.
    """
    if not with_tickers and "tickers" in query:
        raise RequestError(422, NO_TICKERS)
    check_names(query, *(_NAMES if with_tickers else [*_NAMES[1:], "ticket"]))
    tickers = read_tickers(query.getlist("tickers")) if with_tickers else frozenset()
    events = _events(query.getlist("events"))
    on_full = query.getlist("on_full")
    if any(value != "wait" for value in on_full):
        raise RequestError(422, "on_full: only `wait` is known")
    # The URL of a polyfill can have both: the id of the first connect, and the newer id of the reconnect.
    event_id = headers.get("last-event-id") or query.get("lastEventId") or query.get("last_event_id")
    start = Request(event_id or None, _replay(query.getlist("replay"), history_seconds))
    return StreamParameters(choose(tickers, events), start, bool(on_full))


def _entries(name: str, values: Sequence[str]) -> list[str]:
    entries = [entry.strip() for value in values for entry in value.split(",")]
    for position, entry in enumerate(entries, 1):
        if not entry:
            raise RequestError(422, f"{name}: entry {position} is empty; leave {name} out to get everything")
    return entries


def read_tickers(values: Sequence[str]) -> frozenset[str] | None:
    """Returns the values of `tickers` in upper case; None for every ticker. Raises RequestError (422)."""
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
        raise RequestError(422, f"tickers: {len(tickers)} tickers; a stream has at most {MAX_TICKERS}")
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
        raise RequestError(422, f"replay: the history has {history_seconds:g} seconds; give at most this number")
    return round(seconds * 1000)
