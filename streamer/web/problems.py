"""Errors as problem details (RFC 9457). They never echo input."""

from __future__ import annotations

import logging
from http import HTTPStatus

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer.errors import RequestError, TableError

logger = logging.getLogger(__name__)

TABLE_RETRY_AFTER = 5
"""Seconds."""
MEDIA_TYPE = "application/problem+json"


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None, **members: object) -> JSONResponse:
    """One problem as a response; `members` are its extension members. `retry_after` (seconds) is a header, too."""
    if "retry_after" in members:
        headers = {"Retry-After": str(members["retry_after"]), **(headers or {})}
    body = {"title": _phrase(status), "status": status, "detail": detail, **members}
    return JSONResponse(body, status, {"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Answers every error of the application as a problem."""
    app.add_exception_handler(RequestError, _on_request_error)
    app.add_exception_handler(TableError, _on_table_error)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_bug)


async def _on_request_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101 - registered for this class alone
    return problem(error.status, error.detail, headers=None, **error.members)


async def _on_table_error(_: Request, error: Exception) -> Response:
    logger.warning("a table did not answer", extra={"error": str(error)})
    detail = "The table cannot be reached now. Try again later."
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, detail, retry_after=TABLE_RETRY_AFTER)


async def _on_http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class alone
    return problem(error.status_code, HTTPStatus(error.status_code).description, headers=dict(error.headers or {}))


async def _on_bug(_: Request, __: Exception) -> Response:
    return problem(500, "The server failed to answer. It has been logged.")


def _phrase(status: int) -> str:
    """RFC 9110's, whatever Python's version calls it."""
    return {413: "Content Too Large", 422: "Unprocessable Content"}.get(status, HTTPStatus(status).phrase)
