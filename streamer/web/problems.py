"""Error responses as problem details (RFC 9457). They never quote input."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, Literal

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match, Route

from streamer.errors import RequestError, TableError
from streamer.web.operation import Responses, reference, tidy
from streamer.web.operation import headers as header_references

logger = logging.getLogger(__name__)

TABLE_RETRY_AFTER = 5
"""Seconds."""
MEDIA_TYPE = "application/problem+json"
CHALLENGE: Final = 'Gateway realm="sentiment-streamer"'
"""Of each 401 (RFC 9110, section 11.6.1). Browsers open a dialog only for schemes that they know."""
_TABLE_AWAY: Final = "The table cannot be reached now. Try again later."
_NO_QUERY: Final = "a query parameter is unknown; none is known here"


class Problem(BaseModel):
    """RFC 9457. `detail` is a sentence for people."""

    model_config = ConfigDict(extra="allow", json_schema_extra=tidy)

    title: str
    status: int
    detail: str
    # Each of these members may be missing, but is never null.
    retry_after: int = Field(default=None, description="Seconds, as Retry-After.")  # type: ignore[assignment]
    max_connections: int = Field(default=None, description="The limit that was reached.")  # type: ignore[assignment]
    openings_per_second: float = Field(  # type: ignore[assignment]
        default=None, description="The rate at which an address may open streams."
    )
    conflict: Literal["name", "limit"] = Field(default=None)  # type: ignore[arg-type]


def problem(status: int, detail: str, *, headers: Mapping[str, str] | None = None, **members: object) -> JSONResponse:
    """Returns a problem as a response; `members` are its extension members. The member `retry_after` (seconds) also
    sets the header Retry-After; a 401 has a challenge."""
    all_headers = {"Cache-Control": "no-store", **(headers or {})}
    if "retry_after" in members:
        all_headers.setdefault("Retry-After", str(members["retry_after"]))
    if status == HTTPStatus.UNAUTHORIZED:
        all_headers.setdefault("WWW-Authenticate", CHALLENGE)
    return JSONResponse(_body(status, detail, members), status, all_headers, media_type=MEDIA_TYPE)


def documented(status: int, description: str, detail: str, **members: object) -> Responses:
    """Returns the OpenAPI description of a problem, with the same arguments as `problem` for its example."""
    names = ["Retry-After"] if "retry_after" in members else []
    if status == HTTPStatus.UNAUTHORIZED:
        names.append("WWW-Authenticate")
    return {
        status: {
            "description": description,
            "headers": header_references(*names, Cache_Control="NoStore"),
            "content": {
                MEDIA_TYPE: {"schema": reference("schemas", "Problem"), "example": _body(status, detail, members)}
            },
        }
    }


def malformed(detail: str = _NO_QUERY) -> Responses:
    """Returns the OpenAPI description of the 422 of a route; `detail` is an example."""
    return documented(422, "The request is malformed. `detail` names the mistake; it never quotes input.", detail)


def _body(status: int, detail: str, members: Mapping[str, object]) -> dict[str, Any]:
    return {"title": _phrase(status), "status": status, "detail": detail, **members}


def install(app: FastAPI) -> None:
    """Makes the application respond to every error with a problem."""
    app.add_exception_handler(RequestError, _on_request_error)
    app.add_exception_handler(TableError, _on_table_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


async def _on_request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101 - registered for this class only
    return problem(error.status, error.detail, headers=None, **error.members)


async def _on_table_error(_: Request, error: Exception) -> Response:
    logger.warning("a table cannot be reached", extra={"error": str(error)})
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, _TABLE_AWAY, retry_after=TABLE_RETRY_AFTER)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(request)
    return problem(error.status_code, HTTPStatus(error.status_code).description, headers=headers)


def _allowed(request: Request) -> str:
    """Returns the methods of all routes of the path. Starlette's own value has those of the first route only."""
    routes: list[BaseRoute] = request.app.routes
    fitting = [route for route in routes if isinstance(route, Route) and route.matches(request.scope)[0] != Match.NONE]
    return ", ".join(sorted({method for route in fitting for method in route.methods or ()}))


async def _on_bug(_: Request, __: Exception) -> Response:
    return problem(500, "Internal server error. The error was logged.")


def _phrase(status: int) -> str:
    """Returns the phrase of RFC 9110; older versions of Python use other phrases."""
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status, HTTPStatus(status).phrase)


TABLE_AWAY: Final = documented(
    503,
    "The table cannot be reached, or throttles requests.",
    _TABLE_AWAY,
    retry_after=TABLE_RETRY_AFTER,
)
UNKNOWN_USER: Final = documented(
    401, "The caller is not identified by a trusted source.", "Missing user identification"
)
