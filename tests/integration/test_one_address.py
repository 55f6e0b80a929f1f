"""One address behind a load balancer asks for every stream: others, and whoever is signed in, find room."""

from __future__ import annotations

from contextlib import AsyncExitStack

import httpx

from tests.integration.service import serving
from tests.watchdog import WATCHDOG

SECRET = "the-gateways-secret-of-today"
BEHIND_A_LOAD_BALANCER = {
    "SENTIMENT_TABLE": "sentiment",
    "SSE_INTAKE": "poll",  # of a table that is not there
    "FORWARDING_PROXIES": "127.0.0.1/32",
    "GATEWAY_SECRET": SECRET,
}
STREAM = "/api/v2/stream"


async def opened(stack: AsyncExitStack, http: httpx.AsyncClient, headers: dict[str, str], query: str = "") -> int:
    """The status; a stream stays open until the stack ends."""
    answer = await stack.enter_async_context(http.stream("GET", STREAM + query, headers=headers))
    return answer.status_code


async def test_a_hundred_streams_from_one_address_leave_room_for_signed_in_users() -> None:
    limits = httpx.Limits(max_connections=None)
    async with (
        serving(BEHIND_A_LOAD_BALANCER, until="serving") as service,
        httpx.AsyncClient(base_url=service.base, trust_env=False, timeout=WATCHDOG, limits=limits) as http,
        AsyncExitStack() as stack,
    ):
        greedy = {"X-Forwarded-For": "203.0.113.1, 198.51.100.1", "X-User-ID": "ada"}
        statuses = [await opened(stack, http, greedy) for _ in range(100)]
        assert (statuses.count(200), statuses.count(429)) == (20, 80), "X-User-ID through the load balancer is nobody's"
        assert await opened(stack, http, {"X-Forwarded-For": "198.51.100.2"}) == 200

        for number in range(3, 6):  # other addresses take all that is for everybody
            address = {"X-Forwarded-For": f"198.51.100.{number}"}
            assert [await opened(stack, http, address) for _ in range(20)].count(200) == (20 if number < 5 else 19)
        refused = await http.get(STREAM, headers={"X-Forwarded-For": "198.51.100.9"})
        assert (refused.status_code, refused.json()["max_connections"]) == (503, 100)
        status = (await http.get(f"{STREAM}/status")).json()
        assert (status["available"], status["available_to_all"]) == (20, 0)

        for number in range(20):  # all from the greedy address: an office, of whom one is greedy
            signed_in = greedy | {"X-Gateway-Secret": SECRET, "X-User-ID": f"user-{number}"}
            assert await opened(stack, http, signed_in) == 200
        assert await opened(stack, http, greedy | {"X-Gateway-Secret": SECRET}) == 503
        answer = await http.get(STREAM + "?on_full=wait", headers=greedy)
        assert (answer.status_code, "server_busy" in answer.text) == (200, True)


async def test_an_address_that_opens_and_closes_in_a_loop_is_told_to_wait() -> None:
    slowly = {"SSE_OPENINGS_PER_ADDRESS": "0.001", "SSE_MAX_PER_ADDRESS": "3"}
    async with (
        serving(BEHIND_A_LOAD_BALANCER | slowly, until="serving") as service,
        httpx.AsyncClient(base_url=service.base, trust_env=False, timeout=WATCHDOG) as http,
    ):
        address = {"X-Forwarded-For": "198.51.100.1"}
        for _ in range(3):
            async with AsyncExitStack() as stack:
                assert await opened(stack, http, address) == 200
            await service.line("stream closed")
            service.log.clear()
        refused = await http.get(STREAM, headers=address)
        assert (refused.status_code, refused.json()["openings_per_second"]) == (429, 0.001)
        assert int(refused.headers["retry-after"]) > 100
        async with AsyncExitStack() as stack:
            assert await opened(stack, http, {"X-Forwarded-For": "198.51.100.2"}) == 200
