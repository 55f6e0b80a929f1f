"""Reads the JSON body of a request, strictly and with a size limit. Errors never quote the body."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from streamer.errors import RequestError
from streamer.web.operation import Schema, reference
from streamer.web.problems import documented

MAX_BODY: Final = 16_384
"""Bytes."""
_TOO_LARGE: Final = f"The body is larger than {MAX_BODY} bytes."
_NOT_JSON: Final = "Send the body as JSON: Content-Type: application/json"

PROBLEMS: Final = {
    **documented(413, "The body is too large.", _TOO_LARGE),
    **documented(415, "The Content-Type is not application/json.", _NOT_JSON),
}
"""For OpenAPI."""

Model = TypeVar("Model", bound=BaseModel)


def reader(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """Returns a dependency that reads the body. FastAPI itself would read the body before it identifies the caller, and
    would quote it in errors."""

    async def body(request: Request) -> Model:
        return await read(request, model)

    return body


def documented_body(model: type[BaseModel], example: Any) -> Schema:
    """Returns the OpenAPI description of a body."""
    content = {"schema": reference("schemas", model.__name__), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


async def read(request: Request, model: type[Model]) -> Model:
    """Reads the body as `model`. Raises RequestError: 415 if the type is not JSON, 413 if the body is too large, 422
    for any other mistake."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestError(415, _NOT_JSON)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError(415, "Send the body without Content-Encoding.")
    text = await _text(request)
    try:
        value = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RequestError(422, "The body is not valid JSON, or an object repeats a member.") from None
    if not isinstance(value, dict):
        raise RequestError(422, "The body is not a JSON object.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RequestError(422, _mistakes(error, model.model_fields)) from None


async def _text(request: Request) -> str:
    declared = request.headers.get("content-length", "")
    too_large = RequestError(413, _TOO_LARGE)
    if declared.isdecimal() and (len(declared) > 9 or int(declared) > MAX_BODY):
        raise too_large
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise too_large
    except ClientDisconnect:
        raise RequestError(422, "The body is incomplete.") from None
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise RequestError(422, "The body is not UTF-8.") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(_: str) -> Any:
    raise ValueError


def _mistakes(error: ValidationError, known: Iterable[str]) -> str:
    """Returns the first mistake of each member. Unknown members are not named, because their names are input."""
    mistakes: dict[str, str] = {}
    for mistake in error.errors(include_url=False, include_context=False, include_input=False):
        place = [part + 1 if isinstance(part, int) else part for part in mistake["loc"]]
        if mistake["type"] == "extra_forbidden":
            mistakes.setdefault("", f"a member is unknown; known are {', '.join(known)}")
        else:
            where = str(place[0]) if place else ""
            entry = f"entry {place[1]}: " if len(place) > 1 else ""
            prefix = f"{where}: {entry}" if where else ""
            mistakes.setdefault(where, prefix + _sentence(mistake["type"], mistake["msg"]))
    return "; ".join(mistakes.values())


def _sentence(kind: str, message: str) -> str:
    """Replaces pydantic's messages, some of which quote the input; the messages of our own validators do not."""
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    return _SENTENCES.get(kind, "is malformed")


_SENTENCES: Final = {
    "missing": "is missing",
    "string_type": "is not a text",
    "string_unicode": "is not a text",
    "list_type": "is not a list",
    "too_short": "is empty",
    "too_long": "has too many entries",
    "string_too_short": "is empty",
    "string_too_long": "is too long",
    "string_pattern_mismatch": "has characters that are not allowed",
    "literal_error": "is not one of the known values",
}
