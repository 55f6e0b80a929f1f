"""A request's JSON body, bounded and read strictly. Errors never quote it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect, Request

from streamer.errors import RequestError
from streamer.web.operation import Schema, reference
from streamer.web.problems import described

MAX_BODY: Final = 16_384
"""Bytes."""
_TOO_LARGE: Final = f"The body is larger than {MAX_BODY} bytes."
_NOT_JSON: Final = "Send the body as JSON: Content-Type: application/json"

REFUSED: Final = {
    **described(413, "The body is too large.", _TOO_LARGE),
    **described(415, "The body is not JSON by its type.", _NOT_JSON),
}
"""For OpenAPI."""

Model = TypeVar("Model", bound=BaseModel)


def reader(model: type[Model]) -> Callable[[Request], Awaitable[Model]]:
    """A dependency that reads the body. FastAPI would read it before the caller is identified, and quote it."""

    async def body(request: Request) -> Model:
        return await read(request, model)

    return body


def sent(model: type[BaseModel], example: Any) -> Schema:
    """The body for OpenAPI."""
    content = {"schema": reference("schemas", model.__name__), "example": example}
    return {"requestBody": {"required": True, "content": {"application/json": content}}}


async def read(request: Request, model: type[Model]) -> Model:
    """The body as `model`. RequestError: 415 if its type is not JSON, 413 if it is too large, 422 for anything else."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise RequestError(415, _NOT_JSON)
    if request.headers.get("content-encoding", "identity").lower() != "identity":
        raise RequestError(415, "Send the body as it is, without Content-Encoding.")
    text = await _text(request)
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise RequestError(422, "The body is not JSON, or an object in it names a member twice.") from None
    if not isinstance(value, dict):
        raise RequestError(422, "The body is not a JSON object.")
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise RequestError(422, _described(error, model.model_fields)) from None


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
        raise RequestError(422, "The body ends before its end.") from None
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise RequestError(422, "The body is not UTF-8.") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError
    return members


def _no_constant(_: str) -> Any:
    raise ValueError


def _described(error: ValidationError, known: Iterable[str]) -> str:
    """The first mistake of each member. Unknown members are not named, since their names are input."""
    said: dict[str, str] = {}
    for mistake in error.errors(include_url=False, include_context=False, include_input=False):
        place = [part + 1 if isinstance(part, int) else part for part in mistake["loc"]]
        if mistake["type"] == "extra_forbidden":
            said.setdefault("", f"a member is unknown; known are {', '.join(known)}")
        else:
            where = str(place[0]) if place else ""
            entry = f"entry {place[1]}: " if len(place) > 1 else ""
            said.setdefault(where, f"{where}: {entry}" * bool(where) + _in_words(mistake["type"], mistake["msg"]))
    return "; ".join(said.values())


def _in_words(kind: str, message: str) -> str:
    """Pydantic's messages name the rule; a few of its kinds quote the input."""
    if kind == "value_error":
        return message.removeprefix("Value error, ")
    if kind in _PLAIN:
        return _PLAIN[kind]
    return "does not have the right form"


_PLAIN: Final = {
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
