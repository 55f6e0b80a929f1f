"""The HTTP contract on a real socket: what a browser, curl or a load balancer meets."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import httpx
import pytest

from streamer.streams.timing import Timing
from tests.integration import rig as rigs
from tests.integration.rig import Rig, reset, running, stream
from tests.watchdog import WATCHDOG

PROBLEM = "application/problem+json"


PLAIN = pytest.param(False, id="plain ASGI", marks=pytest.mark.slow("the same once more, by the other sink"))


@pytest.fixture(autouse=True, params=[pytest.param(True, id="taken over"), PLAIN])
def _sink(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rigs, "takes_over", request.param)


async def get(rig: Rig, path: str, **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(rig.base + path, headers=headers)


async def slots_free(rig: Rig) -> None:
    async with asyncio.timeout(WATCHDOG):
        await rig.admission.wait_empty()


async def test_a_stream_opens_with_the_headers_and_events_of_the_contract_and_then_is_live() -> None:
    async with running() as rig, stream(rig.base) as events:
        assert events.response.status_code == 200
        headers = events.response.headers
        assert headers["content-type"] == "text/event-stream; charset=utf-8"
        assert headers["cache-control"] == "no-cache, no-transform"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-accel-buffering"] == "no"
        assert headers["connection"] == "close"
        assert [(await events.next())["event"] for _ in range(3)] == ["connected", "heartbeat", "metrics"]
        rig.publish("positive")
        event = await events.next()
        assert event["event"] == "sentiment_update"
        assert event["id"].startswith("evt_")
        assert event["data"]["label"] == "positive"


async def test_filters_narrow_the_stream_in_any_case_and_spelling() -> None:
    async with running() as rig, stream(rig.base, "?tickers=msft,AAPL&tickers=tsla&events=sentiment_update") as events:
        assert (await events.next())["data"]["tickers"] == ["AAPL", "MSFT", "TSLA"]
        rig.publish("positive", ticker="IBM", first=1)
        rig.publish("negative", ticker="TSLA", first=2)
        assert (await events.until("sentiment_update"))["data"]["ticker"] == "TSLA"


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("?tickers=AAPL,not+one", "tickers: entry 2"),
        ("?tickers=", "tickers: entry 1 is empty"),
        ("?tickers=%C3%9F", "tickers: entry 1"),
        ("?tickers=" + ",".join(f"T{number}" for number in range(51)), "at most 50"),
        ("?events=sentiment_update,price", "events: entry 2 is unknown; known are sentiment_update, metrics"),
        ("?events=heartbeat", "events: entry 1"),
        ("?replay=-1", "replay: give seconds"),
        ("?replay=soon", "replay: give seconds"),
        ("?replay=1e9", "replay: give seconds"),
        ("?replay=901", "the history has 900 seconds"),
        ("?replay=1&replay=2", "as one number"),
        ("?on_full=push", "on_full: only `wait`"),
    ],
)
async def test_a_malformed_parameter_is_a_422_that_says_which_and_never_echoes_it(query: str, says: str) -> None:
    async with running() as rig:
        response = await get(rig, f"/api/v2/stream{query}")
        assert response.status_code == 422
        assert response.headers["content-type"] == PROBLEM
        body = response.json()
        assert says in body["detail"]
        assert body["status"] == 422
        for value in ("not one", "price", "soon", "1e9", "ß"):
            assert value not in response.text
        assert rig.admission.taken == 0


async def test_a_full_container_says_so_and_a_freed_slot_is_taken_again() -> None:
    async with running(limit=1) as rig:
        async with stream(rig.base) as events:
            await events.next()
            response = await get(rig, "/api/v2/stream")
            assert response.status_code == 503
            assert response.headers["retry-after"] == "30"
            assert response.json() | {"title": "", "status": 0} == {
                "title": "",
                "status": 0,
                "detail": "Connection limit reached. Try again later.",
                "max_connections": 1,
                "retry_after": 30,
            }
            waiting = await get(rig, "/api/v2/stream?on_full=wait")
            assert waiting.status_code == 200
            retry, event, data = waiting.text.strip().split("\n")
            assert event == "event: closing"
            said = json.loads(data.removeprefix("data: "))
            assert said["reason"] == "server_busy"
            assert retry == f"retry: {said['retry_ms']}"
            assert 10_000 <= said["retry_ms"] <= 30_000
        await slots_free(rig)
        async with stream(rig.base) as events:
            assert (await events.next())["event"] == "connected"


async def test_a_client_resumes_exactly_by_header_or_by_query_and_the_header_wins() -> None:
    async with running() as rig:
        async with stream(rig.base) as events:
            await events.until("metrics")
            rig.publish("positive", "negative", "neutral")
            first, second = await events.next(), await events.next()
        for query, headers in (
            ("", {"Last-Event-ID": second["id"]}),
            (f"?last_event_id={second['id']}", {}),
            (f"?last_event_id={first['id']}", {"Last-Event-ID": second["id"]}),
        ):
            async with stream(rig.base, query, headers) as events:
                connected = await events.next()
                assert (connected["data"]["resume"], connected["data"]["replayed"]) == ("resumed", 1)
                assert (await events.next())["data"]["source_id"] == "AAPL:3"


async def test_an_id_that_cannot_be_resumed_is_a_reset_and_never_an_error() -> None:
    async with running() as rig:
        rig.publish("positive")
        for place in ("x", "evt_" + "0" * 9000, "é", "evt_00000000-0000-8000-8000-000000000001"):
            async with stream(rig.base, f"?last_event_id={place}") as events:
                assert (await events.next())["data"]["resume"] == "reset"
                assert (await events.next())["event"] == "reset"
                assert (await events.next())["event"] == "sentiment_update"
        async with stream(rig.base, "?last_event_id=") as events:
            assert (await events.next())["data"]["resume"] == "fresh"


async def test_replay_begins_a_fresh_stream_with_the_history() -> None:
    async with running() as rig:
        rig.publish("positive", "negative")
        async with stream(rig.base, "?replay=0") as events:
            assert (await events.next())["data"]["replayed"] == 0


async def test_streams_end_with_closing_when_the_server_drains_and_new_ones_are_told_at_once() -> None:
    async with running() as rig, stream(rig.base) as events:
        await events.until("metrics")
        rig.delivery.drain(0)
        last = (await events.rest())[-1]
        assert (last["event"], last["data"]["reason"]) == ("closing", "drain")
        assert last["retry"] == str(last["data"]["retry_ms"])
        late = await get(rig, "/api/v2/stream")
        assert late.status_code == 200
        assert '"reason":"drain"' in late.text
        ready = await get(rig, "/health/ready")
        assert ready.status_code == 503
        assert ready.headers["content-type"] == PROBLEM
        assert (await get(rig, "/health/live")).status_code == 200


async def test_other_errors_are_problems_too() -> None:
    async with running() as rig:
        for path, status in (("/nowhere", 404), ("/page/nothing.js", 404), ("/page/../app.py", 404)):
            response = await get(rig, path)
            assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)
            assert "nowhere" not in response.text
        async with httpx.AsyncClient(trust_env=False) as client:
            response = await client.post(f"{rig.base}/api/v2/stream")
            assert response.status_code == 405
            assert set(response.headers["allow"].split(", ")) == {"GET", "HEAD"}


async def test_the_page_comes_with_a_policy_that_lets_only_its_own_files_in() -> None:
    async with running() as rig:
        page = await get(rig, "/")
        assert page.status_code == 200
        assert "default-src 'self'" in page.headers["content-security-policy"]
        script = await get(rig, "/page/main.js")
        assert script.headers["content-type"].startswith("text/javascript")
        assert script.headers["x-content-type-options"] == "nosniff"


async def test_cors_is_on_every_status_for_named_origins_and_for_no_others() -> None:
    async with running(limit=1, cors_origins=("https://dash.example.com",)) as rig:
        async with stream(rig.base, headers={"Origin": "https://dash.example.com"}) as events:
            assert events.response.headers["access-control-allow-origin"] == "https://dash.example.com"
            await events.next()
            for path, status in (("/api/v2/stream", 503), ("/api/v2/stream?tickers=", 422), ("/nowhere", 404)):
                response = await get(rig, path, Origin="https://dash.example.com")
                assert response.status_code == status
                assert response.headers["access-control-allow-origin"] == "https://dash.example.com"
                assert "access-control-allow-credentials" not in response.headers
        response = await get(rig, "/health/live", Origin="https://evil.example.com")
        assert "access-control-allow-origin" not in response.headers
    async with running() as rig:
        response = await get(rig, "/health/live", Origin="https://dash.example.com")
        assert "access-control-allow-origin" not in response.headers


def raw(rig: Rig, *parts: bytes) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", rig.port), timeout=WATCHDOG)
    for part in parts:
        sock.sendall(part)
    return sock


REQUEST = b"GET /api/v2/stream?replay=900 HTTP/1.1\r\nHost: here\r\n"


def interrupted(rig: Rig, stage: int) -> None:
    """One connection, reset at one of the stages of its life."""
    if stage == 0:
        reset(raw(rig))
    elif stage == 1:
        reset(raw(rig, REQUEST))
    elif stage == 2:
        reset(raw(rig, REQUEST, b"\r\n"))
    else:
        sock = raw(rig, REQUEST, b"\r\n")
        wanted = 1 if stage == 3 else 70_000  # the first byte; in the middle of the replay
        got = 0
        while got < wanted:
            got += len(sock.recv(65_536 if stage == 4 else 1))
        reset(sock)


async def test_connections_reset_at_every_stage_leave_no_slot_taken() -> None:
    async with running(limit=50) as rig:
        rig.publish(*["positive"] * 2000)
        for _ in range(200):
            await asyncio.gather(*(asyncio.to_thread(interrupted, rig, stage) for stage in range(5)))
        await slots_free(rig)
        assert rig.admission.available == 50
        assert rig.delivery.streams == set()
        assert rig.hub.groups == {}
        async with stream(rig.base) as events:
            assert (await events.next())["event"] == "connected"


async def test_a_reader_that_stops_is_closed_in_time_and_the_others_miss_nothing() -> None:
    timing = Timing(heartbeat=0.2, slow_seconds=0.5)
    async with running(timing=timing) as rig, stream(rig.base) as events:
        stuck = raw(rig, b"GET /api/v2/stream HTTP/1.1\r\nHost: here\r\n\r\n")
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await events.until("metrics")
        published = 0
        got: list[dict[str, Any]] = []
        async with asyncio.timeout(WATCHDOG):
            while not rig.counters["streams_slow"]:
                rig.publish(*["positive"] * 500, first=published + 1)
                published += 500
                while len(got) < published:
                    event = await events.next()
                    if event["event"] == "sentiment_update":
                        got.append(event)
        assert [event["data"]["source_id"] for event in got] == [f"AAPL:{n}" for n in range(1, published + 1)]
        async with asyncio.timeout(WATCHDOG):
            while rig.admission.taken > 1:
                await events.until("heartbeat")
        stuck.close()


async def test_two_requests_on_one_connection_are_a_status_and_then_a_stream() -> None:
    async with running() as rig:
        sock = raw(
            rig, b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n", b"GET /api/v2/stream HTTP/1.1\r\nHost: a\r\n\r\n"
        )
        got = b""
        while b"event: metrics" not in got:
            got += await asyncio.to_thread(sock.recv, 65_536)
        assert got.index(b'{"status":"live"}') < got.index(b"text/event-stream")
        sock.close()
        await slots_free(rig)
