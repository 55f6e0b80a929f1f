"""Whether the process answers, and whether it wants new traffic."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from fastapi import FastAPI
from starlette.responses import JSONResponse, Response

from streamer.web.operation import HEALTH, Described, answer, get_or_head
from streamer.web.problems import described, problem

_NO_STORE: Final = {"Cache-Control": "no-store"}


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether new traffic is welcome, and in words why or why not."""

    ready: bool
    reason: str


class Live(Described):
    """The process answers."""

    status: Literal["live"]


class Ready(Described):
    """New traffic is welcome."""

    status: Literal["ready"]
    reason: str


def install(app: FastAPI, readiness: Callable[[], Readiness]) -> None:
    """Adds the routes. `readiness` is asked at each request and must not block."""

    @get_or_head(
        app,
        "/health/live",
        operation_id="live",
        tags=[HEALTH],
        summary="The process answers",
        response_model=Live,
        response_description="It does.",
        responses=answer({"status": "live"}),
    )
    async def live() -> Response:
        return JSONResponse({"status": "live"}, headers=_NO_STORE)

    @get_or_head(
        app,
        "/health/ready",
        operation_id="ready",
        tags=[HEALTH],
        summary="New traffic is welcome",
        response_model=Ready,
        response_description="It is.",
        responses={
            **answer({"status": "ready", "reason": "push: the queue brings what the table has"}),
            **described(503, "Not yet, or not any more.", "draining"),
        },
    )
    async def ready() -> Response:
        state = readiness()
        if state.ready:
            return JSONResponse({"status": "ready", "reason": state.reason}, headers=_NO_STORE)
        return problem(503, state.reason)
