"""Each request of the API is a span with its method, template and status; nothing else of it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from streamer.telemetry.tracing import NoTracing, Span
from streamer.web.traced import traced


class Kept(NoTracing):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.headers: list[str | None] = []
        self.parents: list[str | None] = []
        self.answers: list[tuple[str, str, int]] = []
        self.open = 0

    @contextmanager
    def request(self, header: str | None, traceparent: str | None = None) -> Iterator[Span]:
        self.headers.append(header)
        self.parents.append(traceparent)
        self.open += 1
        try:
            yield self
        finally:
            self.open -= 1

    def note(self, **notes: str | int) -> None:
        """See Span."""

    def answered(self, method: str, route: str, status: int) -> None:
        self.answers.append((method, route, status))


def client(kept: Kept, **options: object) -> httpx.AsyncClient:
    app = FastAPI()

    async def one(config_id: str) -> PlainTextResponse:
        return PlainTextResponse(str(kept.open))

    async def broken() -> PlainTextResponse:
        raise ValueError("broken")

    app.add_api_route("/api/v2/configurations/{config_id}", one)
    app.add_api_route("/api/v2/configurations/{config_id}/stream", one)
    app.add_api_route("/health/live", lambda: PlainTextResponse(str(kept.open)))
    app.add_api_route("/api/v2/broken", broken)
    transport = httpx.ASGITransport(app=traced(app, kept, **options))  # type: ignore[arg-type]
    return httpx.AsyncClient(transport=transport, base_url="http://service", trust_env=False)


async def test_a_request_is_told_by_its_template_and_never_by_its_path() -> None:
    kept = Kept()
    async with client(kept) as api:
        headers = {"X-Amzn-Trace-Id": "Root=1", "traceparent": "00-1"}
        answer = await api.get("/api/v2/configurations/secret?q=secret", headers=headers)
        assert answer.text == "1", "within its span"
        await api.get("/api/v2/nothing/secret")
    assert (kept.headers, kept.parents) == (["Root=1", None], ["00-1", None])
    assert kept.answers == [("GET", "/api/v2/configurations/{config_id}", 200), ("GET", "none", 404)]
    assert kept.open == 0


@pytest.mark.parametrize("path", ["/health/live", "/api/v2/configurations/chips/stream"])
async def test_streams_and_health_checks_are_not_told(path: str) -> None:
    kept = Kept()
    async with client(kept) as api:
        assert (await api.get(path)).text == "0"
    assert kept.headers == []


async def test_what_fails_has_its_end_too() -> None:
    kept = Kept()
    async with client(kept) as api:
        with pytest.raises(ValueError, match="broken"):
            await api.get("/api/v2/broken")
    assert kept.answers == [("GET", "/api/v2/broken", 500)]
    assert kept.open == 0


async def test_in_lambda_the_trace_is_the_invocations() -> None:
    kept = Kept()
    async with client(kept, header=lambda: "Root=2") as api:
        await api.get("/api/v2/configurations/chips", headers={"X-Amzn-Trace-Id": "Root=1"})
    assert kept.headers == ["Root=2"]
