"""Which parameters a query may have, and which place of several counts."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers, QueryParams

from streamer.errors import RequestError
from streamer.web.parameters import PARAMETERS, parse
from streamer.web.query import check_names


def test_an_unknown_parameter_is_refused_by_the_names_of_the_known_ones_and_never_by_its_own() -> None:
    with pytest.raises(RequestError) as raised:
        check_names(QueryParams("limit=1&hunter2=3"), "limit", "cursor")
    assert (raised.value.status, raised.value.detail) == (
        422,
        "a query parameter is unknown; known are limit, cursor",
    )
    with pytest.raises(RequestError, match="none is known here"):
        check_names(QueryParams("hunter2"))


@pytest.mark.parametrize("query", ["", "limit=1", "cursor=&limit=1&limit=2", "_=1", "_hunter2", "%5fx=1", "&&"])
def test_known_parameters_and_the_callers_own_pass(query: str) -> None:
    check_names(QueryParams(query), "limit", "cursor")


@pytest.mark.parametrize("query", ["Limit=1", "limit%00=1", " limit=1", "limit =1", "=1", "limit[]=1", "x_=1"])
def test_what_is_not_quite_a_known_name_is_refused(query: str) -> None:
    with pytest.raises(RequestError):
        check_names(QueryParams(query), "limit", "cursor")


def test_every_parameter_of_a_stream_is_known_to_it() -> None:
    query = "tickers=F&events=metrics&replay=1&last_event_id=a&lastEventId=b&on_full=wait"
    assert {str(each["name"]) for each in PARAMETERS if each["in"] == "query"} == set(QueryParams(query))
    parse(QueryParams(query), Headers({}), 900)
    parse(QueryParams(query.partition("&")[2] + "&ticket=x"), Headers({}), 900, with_tickers=False)


@pytest.mark.parametrize(
    ("names_tickers", "query", "detail"),
    [
        (True, "ticker=F", "known are tickers, events, replay, last_event_id, lastEventId, on_full"),
        (True, "ticket=x", "known are tickers, events, "),
        (False, "ticker=F", "known are events, replay, last_event_id, lastEventId, on_full, ticket"),
        (False, "tickers=F", "leave tickers out"),
    ],
)
def test_a_stream_with_a_misspelt_filter_is_refused(names_tickers: bool, query: str, detail: str) -> None:
    with pytest.raises(RequestError, match=detail):
        parse(QueryParams(query), Headers({}), 900, with_tickers=names_tickers)


@pytest.mark.parametrize(
    ("query", "header", "place"),
    [
        ("", None, None),
        ("last_event_id=a", None, "a"),
        ("lastEventId=b", None, "b"),
        ("last_event_id=a&lastEventId=b", None, "b"),
        ("lastEventId=b&last_event_id=a", None, "b"),
        ("last_event_id=a&lastEventId=", None, "a"),
        ("last_event_id=a&lastEventId=b", "c", "c"),
        ("last_event_id=a&lastEventId=b", "", "b"),
    ],
)
def test_of_several_places_the_newest_counts(query: str, header: str | None, place: str | None) -> None:
    headers = Headers({} if header is None else {"Last-Event-ID": header})
    assert parse(QueryParams(query), headers, 900).start.last_event_id == place
