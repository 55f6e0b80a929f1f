"""The route by which the page learns who looks at it. Not a part of the documented API."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer.errors import RequestError
from streamer.web.identity import CallerIdentity


def install(app: FastAPI, identity: CallerIdentity, *, configurations: bool) -> None:
    """Adds the route. `configurations`: whether the deployment has a users table."""

    async def session(request: Request) -> Response:
        try:
            user: str | None = identity.user(request)
        except RequestError:
            user = None
        members: dict[str, Any] = {"user": user, "users": [], "configurations": configurations}
        return JSONResponse(members, headers={"Cache-Control": "no-store"})

    app.router.add_route("/page/session.json", session, methods=["GET"], include_in_schema=False)
