"""The status and the documentation are the operators' alone, if their networks are named."""

from __future__ import annotations

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from streamer.setting_values import _network
from streamer.web.identity import Identity
from streamer.web.operators import OperatorsOnly

NETWORKS = tuple(_network(text) for text in ("203.0.113.0/24", "2001:db8:1::/48", "2001:db8:2::7/128"))
PROXIES = (_network("10.0.0.0/8"),)


async def everything(scope: Scope, _: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


async def status(path: str, client: str, forwarded: str = "") -> int:
    app = OperatorsOnly(everything, Identity(forwarders=PROXIES), NETWORKS)  # type: ignore[arg-type] # of both versions
    transport = httpx.ASGITransport(app, client=(client, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://stream") as http:
        return (await http.get(path, headers={"x-forwarded-for": forwarded} if forwarded else {})).status_code


@pytest.mark.parametrize(
    "path", ["/api/v2/stream/status", "/api/v2/stream/%73tatus", "/openapi.json", "/docs", "/docs/start.js"]
)
async def test_others_do_not_see_them(path: str) -> None:
    assert await status(path, "203.0.113.9") == 200
    assert await status(path, "198.51.100.1") == 404


@pytest.mark.parametrize("path", ["/", "/api/v2/stream", "/api/v2/sentiment", "/health/ready", "/docsy"])
async def test_everything_else_is_everybodys(path: str) -> None:
    assert await status(path, "198.51.100.1") == 200


@pytest.mark.parametrize(
    ("client", "forwarded", "expected"),
    [
        ("10.0.0.1", "203.0.113.9", 200),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", 404),
        ("10.0.0.1", "", 404),  # the proxy's own address is nobody's
        ("198.51.100.1", "203.0.113.9", 404),
        ("2001:db8:1:2::3", "", 200),
        ("2001:db8:2::7", "", 404),  # its neighbours in the /64 are the same client
    ],
)
async def test_they_are_known_by_the_address_of_a_trusted_hop(client: str, forwarded: str, expected: int) -> None:
    assert await status("/docs", client, forwarded) == expected
