"""Single parameters of a query. A malformed one is a 422 that names the parameter and never quotes its value."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import Query
from pydantic import WithJsonSchema
from starlette.datastructures import QueryParams

from streamer.errors import RequestError

CURSOR: Final = "Where the next page begins; null: this is the last one."


def values(description: str, *, example: str | None = None) -> Any:
    """FastAPI's declaration of a query parameter `Annotated[list[str], values(…), WithJsonSchema(…)]`: the handler gets
    every value that was given, as text, and parses them itself. The schema describes a single value."""
    declared = Query(default_factory=list, description=description)
    if example is not None:
        declared.example = example
    return declared


CursorParameter = Annotated[
    list[str],
    values("Go on behind the page that ended with this `cursor`. Opaque."),
    WithJsonSchema({"type": "string"}),
]


def known(query: QueryParams, *names: str) -> None:
    """Refuses every other parameter, since a misspelt filter would return everything. Names that begin with `_` are the
    caller's own, such as one that bypasses a cache."""
    if any(name not in names and not name.startswith("_") for name in query):
        raise RequestError(422, f"a query parameter is unknown; {_listed(names)}")


def _listed(names: Sequence[str]) -> str:
    return f"known are {', '.join(names)}" if names else "none is known here"


def one(name: str, values: Sequence[str]) -> str | None:
    """The value of a parameter that may be given once."""
    if len(values) > 1:
        raise RequestError(422, f"{name}: give it once")
    return values[0] if values else None


def whole_number(name: str, values: Sequence[str], default: int, most: int) -> int:
    """A number from 1 to `most`."""
    value = one(name, values)
    if value is None:
        return default
    number = int(value) if re.fullmatch(r"[0-9]{1,6}", value) else 0
    if not 1 <= number <= most:
        raise RequestError(422, f"{name}: give a whole number from 1 to {most}")
    return number
