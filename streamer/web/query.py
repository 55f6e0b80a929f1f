"""Parsing of query parameters. A malformed parameter is a 422 that names the parameter and never quotes its value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import WithJsonSchema
from starlette.datastructures import QueryParams

from streamer.change import parse_time
from streamer.errors import RequestError

LONGEST_TIME: Final = 40
_PLUS: Final = re.compile(r" (?=\d\d:?\d\d$)")  # the `+` of a time zone that was not percent-encoded
CURSOR: Final = "Position of the next page; null on the last page."


def query_values(description: str, *, example: str | None = None) -> Any:
    """Declares a query parameter: `Annotated[list[str], query_values(…), WithJsonSchema(…)]`. The handler receives all
    values as text and parses them itself. The schema describes a single value."""
    declared = Query(default_factory=list, description=description)
    if example is not None:
        declared.example = example
    return declared


CursorParameter = Annotated[
    list[str],
    query_values("The `cursor` of the previous page. Opaque."),
    WithJsonSchema({"type": "string"}),
]


def check_names(query: QueryParams, *names: str) -> None:
    """Raises RequestError (422) for an unknown parameter, because a misspelt filter would return everything. Names that
    start with `_` are allowed, for example to bypass a cache."""
    if any(name not in names and not name.startswith("_") for name in query):
        known = f"known are {', '.join(names)}" if names else "none is known here"
        raise RequestError(422, f"a query parameter is unknown; {known}")


def single(name: str, values: Sequence[str]) -> str | None:
    """Returns the value of a parameter; None if it is missing. Raises RequestError (422) if it is repeated."""
    if len(values) > 1:
        raise RequestError(422, f"{name}: send it only once")
    return values[0] if values else None


def bad_time(name: str) -> str:
    """Returns the detail of the 422 for a parameter that is no time."""
    return f"{name}: give a time such as 2026-11-22T14:00:00Z"


def read_time(name: str, values: Sequence[str]) -> int | None:
    """Returns a time in Unix milliseconds; None if it is missing. Raises RequestError (422)."""
    value = single(name, values)
    if value is None:
        return None
    moment = parse_time(_PLUS.sub("+", value)) if len(value) <= LONGEST_TIME else None
    if moment is None:
        raise RequestError(422, bad_time(name))
    return moment


def whole_number(name: str, values: Sequence[str], default: int, most: int) -> int:
    """Returns a number from 1 to `most`. Raises RequestError (422)."""
    value = single(name, values)
    if value is None:
        return default
    number = int(value) if re.fullmatch(r"[0-9]{1,6}", value) else 0
    if not 1 <= number <= most:
        raise RequestError(422, f"{name}: give a whole number from 1 to {most}")
    return number
