"""Signs in the demo's users by a cookie, in place of the gateway that a deployment has in front.

Anybody who reaches the demo may sign in as any of its users: it listens on loopback only.
"""

from __future__ import annotations

import json
from http.cookies import CookieError, SimpleCookie
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from streamer.local.users import CONFIGURATIONS

COOKIE: Final = "sentiment_demo_user"
USERS: Final = sorted({each.user_id for each in CONFIGURATIONS})
SESSION: Final = "/page/session.json"
_LONGEST_BODY: Final = 1_000
_HEADERS: Final = {"Cache-Control": "no-store"}


class SignIn:
    """An ASGI application in front of the service. A request with the cookie is its user's, unless it names another
    user in `X-User-ID`."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Called by the server."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        user = _user(scope)
        if scope["path"] == SESSION:
            response = await _session(Request(scope, receive), user)
            return await response(scope, receive, send)
        if user is not None and all(name != b"x-user-id" for name, _ in scope["headers"]):
            scope = {**scope, "headers": [*scope["headers"], (b"x-user-id", user.encode())]}
        await self._app(scope, receive, send)


def _user(scope: Scope) -> str | None:
    """Returns the user that the cookie names; None for none, or one who is unknown."""
    cookies = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                cookies.load(value.decode("latin-1"))
            except CookieError:
                return None
    named = cookies.get(COOKIE)
    return named.value if named is not None and named.value in USERS else None


async def _session(request: Request, user: str | None) -> Response:
    match request.method:
        case "GET" | "HEAD":
            return JSONResponse({"user": user, "users": USERS, "configurations": True}, headers=_HEADERS)
        case "DELETE":
            return _signed_in(None)
        case "POST":
            return await _sign_in(request)
    return JSONResponse({"detail": "Use GET, POST or DELETE."}, 405, {"Allow": "GET, HEAD, POST, DELETE"})


async def _sign_in(request: Request) -> Response:
    # A form of another site cannot send this content type without asking first.
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        return JSONResponse({"detail": "Content-Type: send application/json"}, 415)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LONGEST_BODY:
            return JSONResponse({"detail": f"body: at most {_LONGEST_BODY} bytes"}, 413)
    try:
        user = json.loads(body)["user"]
    except (ValueError, TypeError, KeyError, RecursionError):
        user = None
    if user not in USERS:
        return JSONResponse({"detail": f"user: give one of {', '.join(USERS)}"}, 422)
    return _signed_in(user)


def _signed_in(user: str | None) -> Response:
    response = Response(status_code=204, headers=_HEADERS)
    if user is None:
        response.delete_cookie(COOKIE, samesite="strict", httponly=True)
    else:
        response.set_cookie(COOKIE, user, samesite="strict", httponly=True)
    return response
