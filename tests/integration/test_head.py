"""HEAD is GET without its content (RFC 9110, section 9.3.2), on every route."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from starlette.routing import Route

from tests.contract.test_openapi import application
from tests.integration.rest import Tables, tables
from tests.integration.rig import running
from tests.watchdog import WATCHDOG

FILES = {"/page/{name}": "/page/main.js", "/docs/{name}": "/docs/start.js"}
QUERIES = {"/api/v2/sentiment/series": "?tickers=AAPL"}
PATHS = sorted(
    {route.path for route in application().routes if isinstance(route, Route) and "GET" in (route.methods or ())}
)


@pytest.fixture(scope="module")
def aws_() -> Iterator[Tables]:
    with tables() as found:
        yield found


async def headers(http: httpx.AsyncClient, method: str, path: str) -> tuple[int, dict[str, str]]:
    """Status and headers, of a stream as well. Not the date, nor how the content is divided, which HEAD has not."""
    async with http.stream(method, path) as answer:
        if method == "HEAD":
            assert await answer.aread() == b""
        return answer.status_code, {
            name: value for name, value in answer.headers.items() if name not in {"date", "transfer-encoding"}
        }


async def test_head_has_the_headers_of_get_and_no_content_on_every_route(aws_: Tables) -> None:
    assert len(PATHS) > 15
    async with (
        running(rest=aws_.part, cors_origins=("https://dash.example.com",)) as rig,
        httpx.AsyncClient(
            base_url=rig.base,
            trust_env=False,
            timeout=WATCHDOG,
            headers={"X-User-ID": "ada", "Origin": "https://dash.example.com"},
        ) as http,
    ):
        made = await http.post("/api/v2/configurations", json={"name": "Chips", "tickers": ["NVDA"]})
        config_id = made.json()["config_id"]
        for path in PATHS:
            asked = FILES.get(path, path).format(config_id=config_id) + QUERIES.get(path, "")
            status, expected = await headers(http, "GET", asked)
            assert await headers(http, "HEAD", asked) == (status, expected), path
            if not path.endswith("{config_id}/stream"):  # the rig has no subscriptions
                assert status == 200, path
        for path in ("/nowhere", "/api/v2/sentiment?limit=0"):
            assert await headers(http, "HEAD", path) == await headers(http, "GET", path)
        opened = rig.counters["streams_opened"]
        await headers(http, "HEAD", "/api/v2/stream")
        assert rig.counters["streams_opened"] == opened, "a HEAD of a stream opens none"
