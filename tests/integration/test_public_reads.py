"""Reads that strangers ask for, beside users' own: a crowd of the one never holds up the other."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from tests.integration.service import serving
from tests.integration.slow_table import slow_table
from tests.watchdog import WATCHDOG

SETTINGS = {
    "SENTIMENT_TABLE": "sentiment",
    "USERS_TABLE": "users",
    "SSE_INTAKE": "poll",
    "SSE_WINDOW_FILL": "0",  # which also reads newest first
    "TRUSTED_PROXIES": "127.0.0.1/32",
}
READERS = 260


@pytest.mark.slow("has 260 readers")
async def test_signed_in_users_are_served_while_strangers_read_a_table_that_does_not_answer() -> None:
    limits = httpx.Limits(max_connections=None)
    with slow_table() as table:
        settings = SETTINGS | {"AWS_ENDPOINT_URL": table.endpoint}
        async with (
            serving(settings, until="serving") as service,
            httpx.AsyncClient(base_url=service.base, trust_env=False, timeout=WATCHDOG, limits=limits) as http,
        ):
            asked = [f"/api/v2/sentiment?tickers=ZZZZ&limit={limit + 1}" for limit in range(READERS)]
            reading = [asyncio.create_task(http.get(each)) for each in asked]
            while sum(each.done() for each in reading) < READERS - 100:  # what does not fit is told at once
                await asyncio.wait([each for each in reading if not each.done()], return_when=asyncio.FIRST_COMPLETED)
            users = [
                await http.get("/api/v2/configurations", headers={"X-User-ID": f"user-{number}"}) for number in range(8)
            ]
            assert [answer.status_code for answer in users] == [200] * 8
            assert table.held
            table.go.set()
            statuses = [answer.status_code for answer in await asyncio.gather(*reading)]
            assert set(statuses) <= {200, 503}
            assert (await http.get("/api/v2/sentiment?tickers=ZZZZ&limit=1")).status_code == 200


async def test_readers_of_one_page_are_one_read() -> None:
    with slow_table() as table:
        settings = SETTINGS | {"AWS_ENDPOINT_URL": table.endpoint}
        async with (
            serving(settings, until="serving") as service,
            httpx.AsyncClient(base_url=service.base, trust_env=False, timeout=WATCHDOG) as http,
        ):
            same = "/api/v2/sentiment?tickers=ZZZZ"
            reading = [asyncio.create_task(http.get(same)) for _ in range(60)]
            table.go.set()
            answers = await asyncio.gather(*reading)
            assert {answer.status_code for answer in answers} == {200}
            assert table.held < 60, "three queries for all who asked within a second"
            status = (await http.get("/api/v2/stream/status")).json()
            assert status["counters"]["table_requests"] >= table.held
