"""The health checks: liveness and readiness."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from streamer.web.operation import HEALTH, Described, get_or_head, json_example
from streamer.web.problems import documented, problem

_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ready`: whether the service accepts new requests. `reason`: why or why not, safe to show to everyone."""

    ready: bool
    reason: str


class Live(Described):
    """The process responds."""

    status: Literal["live"]


class Ready(Described):
    """The service accepts new requests."""

    status: Literal["ready"]
    reason: str


def install(app: FastAPI, readiness: Callable[[], Readiness]) -> None:
    """Adds the routes. `readiness` is called for each request and must not block."""

    @get_or_head(
        app,
        "/health/live",
        operation_id="live",
        tags=[HEALTH],
        summary="Check that the process responds",
        response_model=Live,
        response_description="The process responds.",
        responses=json_example({"status": "live"}),
    )
    async def live() -> Response:
        return JSONResponse({"status": "live"}, headers=_NO_STORE)

    @get_or_head(
        app,
        "/health/ready",
        operation_id="ready",
        tags=[HEALTH],
        summary="Check that the service accepts new requests",
        response_model=Ready,
        response_description="The service accepts new requests.",
        responses={
            **json_example({"status": "ready", "reason": "push: the queue brings what the table has"}),
            **documented(503, "The service is starting or stopping.", "draining"),
        },
    )
    async def ready() -> Response:
        state = readiness()
        if state.ready:
            return JSONResponse({"status": "ready", "reason": state.reason}, headers=_NO_STORE)
        return problem(503, state.reason)
