"""Declarations of routes for OpenAPI. FastAPI generates the document from them; headers and examples, for which FastAPI
has no types, are dictionaries in the format of OpenAPI.

https://spec.openapis.org/oas/v3.1.1.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from fastapi import FastAPI, Request, Response
from fastapi.openapi.models import APIKey, APIKeyIn
from fastapi.routing import APIRoute
from fastapi.security.base import SecurityBase
from pydantic import BaseModel, ConfigDict

from streamer.web.identity import CallerIdentity
from streamer.web.query import check_names

Schema = dict[str, Any]
Responses = dict[int | str, dict[str, Any]]

STREAM: Final = "Stream"
SNAPSHOT: Final = "Sentiment and counts"
CONFIGURATIONS: Final = "Configurations"
HEALTH: Final = "Health"

TICKER: Final[Schema] = {"type": "string", "pattern": r"^[A-Z0-9.^=-]{1,12}$"}
TIME: Final[Schema] = {"type": "string", "format": "date-time"}
MODE: Final[Schema] = {"type": "string", "enum": ["push", "poll", "both", "down"]}
HEADERS: Final[dict[str, Schema]] = {
    "ETag": {
        "description": "Identifies the content of the configuration; for If-Match.",
        "schema": {"type": "string", "pattern": '^"[A-Za-z0-9_-]{22}"$'},
        "required": True,
    },
    "Location": {"description": "Path of the new configuration.", "schema": {"type": "string"}, "required": True},
    "Retry-After": {
        "description": "Seconds to wait before the next request.",
        "schema": {"type": "integer", "minimum": 1},
        "required": True,
    },
    "WWW-Authenticate": {
        "description": "The scheme `Gateway`: a trusted gateway identifies the caller, or a ticket does.",
        "schema": {"type": "string"},
        "required": True,
    },
    "NoStore": {"description": "`no-store`", "schema": {"type": "string", "enum": ["no-store"]}, "required": True},
    "Untransformed": {
        "description": "`no-transform`: a proxy that compresses would delay events.",
        "schema": {"type": "string", "enum": ["no-cache, no-transform"]},
        "required": True,
    },
    "Private": {
        "description": "`no-store`: the events are for one user. `no-transform` as for the public stream.",
        "schema": {"type": "string", "enum": ["no-store, no-transform"]},
        "required": True,
    },
}
"""Shared by the routes: `components/headers`."""


def tidy(schema: Schema) -> None:
    """Removes what pydantic generates: titles, and null as the default of a member that may be missing."""
    schema.pop("title", None)
    for member in schema.get("properties", {}).values():
        member.pop("title", None)
        if "default" in member and member["default"] is None:
            del member["default"]


class Described(BaseModel):
    """A JSON object in a request or a response."""

    # Built when first used: most models are only used to generate the OpenAPI document.
    model_config = ConfigDict(extra="forbid", json_schema_extra=tidy, defer_build=True)


class Operation(APIRoute):
    """A route that knows the names of its query parameters."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.query_names: tuple[str, ...] = tuple(field.alias for field in self.dependant.query_params)


Endpoint = TypeVar("Endpoint", bound=Callable[..., Awaitable[Response]])


def get_or_head(app: FastAPI, path: str, **declared: Any) -> Callable[[Endpoint], Endpoint]:
    """A decorator: adds a route for GET and HEAD. OpenAPI documents GET only. `app` removes the content of responses
    to HEAD."""

    def install(endpoint: Endpoint) -> Endpoint:
        app.get(path, **declared)(endpoint)
        app.head(path, include_in_schema=False, dependencies=declared.get("dependencies"))(endpoint)
        return endpoint

    return install


async def declared_query(request: Request) -> None:
    """A dependency: raises RequestError (422) for a query parameter that the route does not declare."""
    check_names(request.query_params, *request.scope["route"].query_names)


class UserId(SecurityBase):
    """A dependency: returns the caller's user id. Raises RequestError (401)."""

    def __init__(self, identity: CallerIdentity) -> None:
        self.model = APIKey.model_validate(
            {
                "in": APIKeyIn.header,
                "name": "X-User-ID",
                "description": "The user's id, set by a gateway. Ignored if the caller is not trusted.",
            }
        )
        self.scheme_name = "userId"
        self._identity = identity

    async def __call__(self, request: Request) -> str:
        """Called by FastAPI."""
        return self._identity.user(request)


def reference(kind: str, name: str) -> Schema:
    """Returns a reference to a component."""
    return {"$ref": f"#/components/{kind}/{name}"}


def headers(*names: str, **named: str) -> Schema:
    """Returns references to HEADERS: `headers("ETag", Cache_Control="NoStore")`."""
    return {name: reference("headers", name) for name in names} | {
        name.replace("_", "-"): reference("headers", shared) for name, shared in named.items()
    }


def json_example(example: Any, *names: str, status: int = 200) -> Responses:
    """Returns the example and the headers of a JSON response. `names`: headers beside Cache-Control."""
    return {
        status: {
            "headers": headers(*names, Cache_Control="NoStore"),
            "content": {"application/json": {"example": example}},
        }
    }
