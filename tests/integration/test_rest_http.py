"""REST on a real socket: what a curl or a dashboard gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.errors import TableError
from streamer.web.app import RestPart
from streamer.web.body import MAX_BODY
from tests.integration.rest import Tables, tables
from tests.integration.rig import running, stream
from tests.watchdog import WATCHDOG

PATH = "/api/v2/configurations"
ADA = {"X-User-ID": "ada"}
CHIPS = {"name": "Chips", "tickers": ["nvda", "AMD", "NVDA"]}


@pytest.fixture(scope="module")
def aws_() -> Iterator[Tables]:
    with tables() as found:
        yield found


@pytest.fixture
async def http(aws_: Tables) -> AsyncIterator[httpx.AsyncClient]:
    users = aws_.resources.users_table
    for item in aws_.client.scan(TableName=users)["Items"]:
        aws_.client.delete_item(TableName=users, Key={"PK": item["PK"], "SK": item["SK"]})
    async with (
        running(rest=aws_.part, cors_origins=("https://dash.example.com",)) as rig,
        httpx.AsyncClient(base_url=rig.base, trust_env=False, timeout=WATCHDOG, headers=ADA) as client,
    ):
        yield client


async def create(http: httpx.AsyncClient, body: dict[str, Any] = CHIPS) -> httpx.Response:
    answer = await http.post(PATH, json=body)
    assert answer.status_code == 201, answer.text
    return answer


def said(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    if answer.status_code == 401:
        (scheme, _), *more = (challenge.split(" ", 1) for challenge in answer.headers.get_list("www-authenticate"))
        assert not more
        assert scheme.lower() not in {"basic", "digest", "negotiate", "ntlm"}, "a browser would open a dialog"
    problem = answer.json()
    assert problem["status"] == answer.status_code
    return answer.status_code, problem["detail"]


async def test_a_configuration_from_its_making_to_its_end(http: httpx.AsyncClient) -> None:
    made = await create(http)
    path = made.headers["location"]
    assert made.json() == {
        "config_id": path.rpartition("/")[2],
        "name": "Chips",
        "tickers": ["NVDA", "AMD"],
        "status": "active",
        "etag": made.headers["etag"],
    }
    got = await http.get(path)
    assert (got.status_code, got.json(), got.headers["etag"]) == (200, made.json(), made.headers["etag"])
    assert got.headers["cache-control"] == "no-store"
    assert (await http.get(PATH)).json() == {"configurations": [made.json()], "cursor": None}

    changed = await http.patch(path, json={"tickers": ["TSM"]}, headers={"If-Match": made.headers["etag"]})
    assert (changed.status_code, changed.json()["tickers"], changed.json()["name"]) == (200, ["TSM"], "Chips")
    assert changed.headers["etag"] == changed.json()["etag"] != made.headers["etag"]

    gone = await http.delete(path, headers={"If-Match": changed.headers["etag"]})
    assert (gone.status_code, gone.content) == (204, b"")
    assert said(await http.get(path)) == (404, "Configuration not found")


async def test_the_second_of_two_tabs_gets_412_and_who_says_nothing_428(http: httpx.AsyncClient) -> None:
    made = await create(http)
    path, old = made.headers["location"], {"If-Match": made.headers["etag"]}
    assert (await http.patch(path, json={"name": "One"}, headers=old)).status_code == 200
    for answer in (
        await http.patch(path, json={"name": "Two"}, headers=old),
        await http.delete(path, headers=old),
        await http.delete(path, headers={"If-Match": "W/" + made.headers["etag"]}),
        await http.delete(path, headers={"If-Match": "unquoted"}),
        await http.delete(path, headers={"If-Match": '"a",' * 2000}),
    ):
        assert said(answer)[0] == 412
    assert said(await http.patch(path, json={"name": "Two"}))[0] == 428
    assert said(await http.delete(path))[0] == 428
    assert (await http.get(path)).json()["name"] == "One"
    assert (await http.delete(path, headers={"If-Match": "*"})).status_code == 204


async def test_what_is_not_theirs_is_not_there_and_the_answer_is_the_same(http: httpx.AsyncClient) -> None:
    made = await create(http)
    theirs = made.headers["location"]
    deleted = (await create(http, {"name": "Gone", "tickers": ["F"]})).headers["location"]
    await http.delete(deleted, headers={"If-Match": "*"})
    grace = {"X-User-ID": "grace"}
    bodies = set()
    for path in (theirs, deleted, f"{PATH}/unknown", f"{PATH}/{'x' * 10_000}", f"{PATH}/a%00b", f"{PATH}/CONFIG%23x"):
        for answer in (
            await http.get(path, headers=grace),
            await http.patch(path, json={"name": "x"}, headers=grace | {"If-Match": "*"}),
            await http.delete(path, headers=grace | {"If-Match": "*"}),
        ):
            assert said(answer) == (404, "Configuration not found")
            bodies.add(answer.content)
    assert len(bodies) == 1
    assert (await http.get(theirs)).status_code == 200


async def test_who_is_nobody_gets_401_before_anything_else(http: httpx.AsyncClient) -> None:
    del http.headers["x-user-id"]
    for answer in (
        await http.get(PATH),
        await http.post(PATH, content=b"{" * 20_000),
        await http.get(f"{PATH}/unknown"),
        await http.patch(f"{PATH}/unknown", content=b"?"),
        await http.delete(f"{PATH}/unknown"),
    ):
        assert said(answer) == (401, "Missing user identification")


async def test_a_name_is_taken_once(http: httpx.AsyncClient) -> None:
    await create(http)
    answer = await http.post(PATH, json={"name": " ｃhips ", "tickers": ["F"]})
    assert said(answer) == (409, "Another configuration has this name.")
    assert answer.json()["conflict"] == "name"
    other = await create(http, {"name": "Cars", "tickers": ["F"]})
    answer = await http.patch(other.headers["location"], json={"name": "CHIPS"}, headers={"If-Match": "*"})
    assert said(answer)[0] == 409


SECRET = "hunter2"


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "not valid JSON"),
        (b"{", "not valid JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"[" * 10_000, "not valid JSON"),
        (b'{"name":"a","name":"b","tickers":["F"]}', "repeats a member"),
        (b'{"name":NaN,"tickers":["F"]}', "not valid JSON"),
        (b'{"name":' + b"1" * 5000 + b',"tickers":["F"]}', "not valid JSON"),
        (b'{"name":"a"}', "tickers: is missing"),
        (b'{"tickers":["F"]}', "name: is missing"),
        (b'{"name":"a","tickers":["F"],"hunter2":1}', "unknown; known are name, tickers, status"),
        (b'{"name":"","tickers":["F"]}', "name: is empty"),
        (b'{"name":" ","tickers":["F"]}', "name: give 1 to 80"),
        (b'{"name":"hunter2\\u0000","tickers":["F"]}', "name: give 1 to 80"),
        (b'{"name":"hunter2\\ud800","tickers":["F"]}', "name: "),
        (json.dumps({"name": SECRET * 20, "tickers": ["F"]}).encode(), "name: is too long"),
        (b'{"name":7,"tickers":["F"]}', "name: is not a text"),
        (b'{"name":null,"tickers":["F"]}', "name: is not a text"),
        (b'{"name":"a","tickers":"F"}', "tickers: is not a list"),
        (b'{"name":"a","tickers":[]}', "tickers: is empty"),
        (b'{"name":"a","tickers":["A","B","C","D","E","F"]}', "tickers: has too many"),
        (b'{"name":"a","tickers":["F","hunter2 x"]}', "tickers: entry 2 is no ticker"),
        ('{"name":"a","tickers":["Ｆ"]}'.encode(), "tickers: entry 1 is no ticker"),
        (b'{"name":"a","tickers":[7]}', "tickers: entry 1: is not a text"),
        (b'{"name":"a","tickers":["F"],"status":"hunter2"}', "status: is not one of"),
    ],
)
async def test_a_body_that_is_wrong_is_a_422_that_never_quotes_it(
    http: httpx.AsyncClient, body: bytes, detail: str
) -> None:
    answer = await http.post(PATH, content=body, headers={"Content-Type": "application/json"})
    status, said_ = said(answer)
    assert status == 422
    assert detail in said_
    assert SECRET not in answer.text


async def test_a_change_of_nothing_or_to_null_is_a_422(http: httpx.AsyncClient) -> None:
    path = (await create(http)).headers["location"]
    for body in ({}, {"name": None}, {"tickers": None}, {"status": None}, {"config_id": "x"}):
        answer = await http.patch(path, json=body, headers={"If-Match": "*"})
        assert said(answer)[0] == 422, body


async def test_a_body_is_bounded_and_json_by_its_type(http: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    large = b" " * (MAX_BODY + 1)
    json_ = {"Content-Type": "application/json"}
    assert said(await http.post(PATH, content=large, headers=json_))[0] == 413
    assert said(await http.post(PATH, content=endless(), headers=json_))[0] == 413
    for headers in (
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {},
        json_ | {"Content-Encoding": "gzip"},
    ):
        assert said(await http.post(PATH, content=b"{}", headers=headers))[0] == 415
    charset = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert (await http.post(PATH, content=json.dumps(CHIPS).encode(), headers=charset)).status_code == 201


async def test_a_list_is_paged_within_one_user(http: httpx.AsyncClient) -> None:
    for number in range(5):
        await create(http, {"name": f"n{number}", "tickers": ["F"]})
    found: list[str] = []
    cursor = None
    while True:
        answer = await http.get(PATH, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))
        found += [each["name"] for each in answer.json()["configurations"]]
        cursor = answer.json()["cursor"]
        if cursor is None:
            break
        theirs = await http.get(PATH, params={"cursor": cursor}, headers={"X-User-ID": "grace"})
        assert theirs.json() == {"configurations": [], "cursor": None}
    assert sorted(found) == [f"n{number}" for number in range(5)]
    for query in ("limit=0", "limit=101", "limit=x", "limit=1&limit=2", "cursor=", "cursor=!", "cursor=MTp4Lw"):
        assert said(await http.get(f"{PATH}?{query}"))[0] == 422, query


async def test_the_newest_items_have_the_shape_of_the_event(http: httpx.AsyncClient, aws_: Tables) -> None:
    now_ms = wall_ms()
    keys = [aws_.put(number, "AAPL", "MSFT", ms=now_ms - 1000 * number) for number in range(6)]
    answer = await http.get("/api/v2/sentiment", params={"tickers": "msft", "limit": 4})
    assert answer.headers["cache-control"] == "no-store"
    page = answer.json()
    assert [row["source_id"] for row in page["items"]] == [key.source_id for key in keys[:4]]
    assert page["as_of"] is None, "it was read from the table"
    assert list(page["items"][0]) == [
        "source_id", "timestamp", "version", "ticker", "label", "score", "confidence", "source", "updated_at",
        "committed_at",
    ]  # fmt: skip
    assert (page["items"][0]["score"], page["items"][0]["committed_at"]) == (0.5, None)
    assert "not for anybody" not in answer.text
    more = await http.get("/api/v2/sentiment", params={"tickers": "msft", "limit": 4, "cursor": page["cursor"]})
    assert [row["source_id"] for row in more.json()["items"]] == [key.source_id for key in keys[4:]]
    assert more.json()["cursor"] is None
    for since in (iso_time(now_ms - 1500), iso_time(now_ms - 1500).replace("Z", "+00:00")):
        recent = await http.get(f"/api/v2/sentiment?tickers=MSFT&since={since}")
        assert len(recent.json()["items"]) == 2, since
    for query in (
        "tickers=", "tickers=a%20b", "limit=0", "limit=501", "limit=-1", "limit=%C2%B2", "since=yesterday",
        "since=2026-11-22&since=2026-11-22", "cursor=x", "cursor=", f"cursor={'A' * 20_000}",
    ):  # fmt: skip
        refused = await http.get(f"/api/v2/sentiment?{query}")
        assert said(refused)[0] == 422, query
        assert "yesterday" not in refused.text


async def test_a_snapshot_from_memory_joins_with_the_stream_by_its_place() -> None:
    async with running() as rig, httpx.AsyncClient(base_url=rig.base, trust_env=False, timeout=WATCHDOG) as http:
        empty = (await http.get("/api/v2/sentiment")).json()
        assert empty == {"items": [], "cursor": None, "as_of": None}, "there was no query yet"
        now_ms = wall_ms()
        rig.hub.proved(now_ms, now_ms - 86_400_000, ended_ms=now_ms)
        rig.publish("positive", "neutral", "negative")
        answer = await http.get("/api/v2/sentiment?tickers=aapl")
        assert answer.headers["cache-control"] == "no-store"
        page = answer.json()
        assert [row["source_id"] for row in page["items"]] == ["AAPL:3", "AAPL:2", "AAPL:1"]
        rig.publish("positive", first=4)
        async with stream(rig.base, f"?tickers=AAPL&last_event_id={page['as_of']}") as events:
            connected = (await events.next())["data"]
            assert (connected["resume"], connected["replayed"]) == ("resumed", 1)
            assert (await events.next())["data"]["source_id"] == "AAPL:4"
        streamed = await http.get(f"/api/v2/sentiment?tickers=AAPL&cursor={page['cursor']}")
        assert streamed.json()["items"] == []


async def test_a_series_counts_by_ticker_and_bucket(http: httpx.AsyncClient, aws_: Tables) -> None:
    now_ms = wall_ms() // 60_000 * 60_000
    for number, label in enumerate(("positive", "negative", "neutral")):
        aws_.put(7_000 + number, "SER", ms=now_ms - 60_000 * (number // 2) - 1, label=label)
    answer = await http.get("/api/v2/sentiment/series?tickers=ser,none&bucket=60")
    assert answer.headers["cache-control"] == "no-store"
    said_ = answer.json()
    assert list(said_) == ["bucket", "since", "series", "cursor", "as_of"]
    assert (said_["bucket"], said_["cursor"], said_["as_of"]) == (60, None, None)
    assert said_["since"] > iso_time(now_ms - 3_600_000)
    (series,) = said_["series"]
    scores = {"mean": 0.5, "least": 0.5, "greatest": 0.5, "last": 0.5}
    assert series == {
        "ticker": "SER",
        "buckets": [
            {"time": iso_time(now_ms - 120_000), "items": 1, "positive": 0, "neutral": 1, "negative": 0, **scores},
            {"time": iso_time(now_ms - 60_000), "items": 2, "positive": 1, "neutral": 0, "negative": 1, **scores},
        ],
    }
    for query in (
        "", "tickers=", "tickers=a%20b", "tickers=A&bucket=61", "tickers=A&bucket=", "tickers=A&bucket=60&bucket=60",
        "tickers=A&since=yesterday", "tickers=A&cursor=x", "tickers=A&limit=3",
    ):  # fmt: skip
        assert said(await http.get(f"/api/v2/sentiment/series?{query}"))[0] == 422, query


async def test_a_series_from_memory_names_its_place_and_follows_each_change() -> None:
    async with running() as rig, httpx.AsyncClient(base_url=rig.base, trust_env=False, timeout=WATCHDOG) as http:
        rig.publish("positive", "negative")
        for items in (2, 3):
            answer = (await http.get("/api/v2/sentiment/series?tickers=AAPL&bucket=3600")).json()
            assert sum(bucket["items"] for each in answer["series"] for bucket in each["buckets"]) == items
            assert answer["as_of"] == str(rig.hub.place())
            rig.publish("neutral", first=3)


async def test_the_counts_are_those_of_the_event(http: httpx.AsyncClient, aws_: Tables) -> None:
    aws_.put(1, "AAPL", "MSFT")
    answer = await http.get("/api/v2/metrics")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["total"] >= 1
    assert set(answer.json()) == {
        "total", "positive", "neutral", "negative", "by_tag", "rate_last_hour", "rate_last_24h", "since", "timestamp",
        "by_ticker",
    }  # fmt: skip


async def test_every_answer_and_preflight_has_the_headers_of_cors(http: httpx.AsyncClient) -> None:
    http.headers["Origin"] = "https://dash.example.com"
    path = (await create(http)).headers["location"]
    for answer in (
        await http.get(path),
        await http.get(f"{PATH}/unknown"),
        await http.delete(path),
        await http.put(path),
        await http.get("/nowhere"),
        await http.post(PATH, content=b"?"),
        await http.get(PATH, headers={"X-User-ID": ""}),
    ):
        assert answer.headers["access-control-allow-origin"] == "https://dash.example.com"
        assert {"ETag", "Location", "Retry-After"} <= set(answer.headers["access-control-expose-headers"].split(", "))
        assert "access-control-allow-credentials" not in answer.headers
    asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match,content-type"}
    preflight = await http.options(path, headers=asked)
    assert preflight.status_code == 200
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "access-control-allow-credentials" not in preflight.headers


async def test_a_method_that_is_not_allowed_names_those_that_are(http: httpx.AsyncClient) -> None:
    answer = await http.put(f"{PATH}/x")
    assert said(answer)[0] == 405
    assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "PATCH", "DELETE"}
    assert set((await http.delete(PATH)).headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


async def test_a_table_that_is_away_is_a_503_that_names_nothing(aws_: Tables) -> None:
    class Away:
        async def page(self, *_: object) -> Any:
            raise TableError("dynamodb:Query: AccessDenied")

        get = create = change = delete = series = page

    async def count() -> Any:
        raise TableError("dynamodb:Query: AccessDenied")

    away: Any = Away()
    part = RestPart(aws_.part.identity, away, away, count, away)
    async with (
        running(rest=part) as rig,
        httpx.AsyncClient(base_url=rig.base, trust_env=False, headers=ADA | {"If-Match": "*"}) as http,
    ):
        for answer in (
            await http.get(PATH),
            await http.post(PATH, json=CHIPS),
            await http.get(f"{PATH}/x"),
            await http.patch(f"{PATH}/x", json=CHIPS),
            await http.delete(f"{PATH}/x"),
            await http.get("/api/v2/sentiment"),
            await http.get("/api/v2/sentiment/series?tickers=F"),
            await http.get("/api/v2/metrics"),
        ):
            assert said(answer) == (503, "The table cannot be reached now. Try again later.")
            assert answer.headers["retry-after"] == "5"
            assert "Denied" not in answer.text


async def test_without_a_users_table_there_are_no_configurations(aws_: Tables) -> None:
    part = RestPart(aws_.part.identity, None, aws_.part.snapshot, aws_.part.count, aws_.part.series)
    async with (
        running(rest=part) as rig,
        httpx.AsyncClient(base_url=rig.base, trust_env=False, headers=ADA) as http,
    ):
        for answer in (await http.get(PATH), await http.post(PATH, json=CHIPS), await http.get(f"{PATH}/chips")):
            assert said(answer) == (404, "Configuration not found")
        assert said(await http.get(PATH, headers={"X-User-ID": ""}))[0] == 401


async def test_a_crowd_of_requests_does_not_hold_up_the_event_loop(http: httpx.AsyncClient, aws_: Tables) -> None:
    asking = [asyncio.create_task(http.get("/api/v2/sentiment")) for _ in range(30)]
    assert (await http.get("/health/live")).status_code == 200
    assert {answer.status_code for answer in await asyncio.gather(*asking)} == {200}
