"""The API's description (OpenAPI 3.2): FastAPI makes it from the routes, and this adds what FastAPI lacks. A contract
test holds it to the routes, and schemathesis the routes to it."""

from __future__ import annotations

import json
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from streamer.web import event_schemas
from streamer.web.configuration_models import ConfigurationChange, NewConfiguration
from streamer.web.operation import CONFIGURATIONS, HEADERS, HEALTH, SNAPSHOT, STREAM, Schema
from streamer.web.problems import Problem

_DESCRIPTION: Final = (
    "Changes of a DynamoDB table as Server-Sent Events, and what is needed beside them as REST. Every error is a"
    " problem (RFC 9457). docs/events.md says what a stream promises."
)
_LICENSE: Final = {"name": "MIT", "identifier": "MIT"}
_SERVERS: Final = [{"url": "/", "description": "where this description comes from"}]
_TICKET: Final[Schema] = {
    "type": "apiKey",
    "in": "query",
    "name": "ticket",
    "description": "For clients that can set no header. Opens one configuration's stream, until its deadline; in a"
    " request that has one, nothing else identifies the caller.",
}


def write(document: Schema) -> str:
    """As it is served and kept in docs/openapi.json."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def document(app: FastAPI) -> Schema:
    """The description of the application's routes."""
    routes = [route for route in app.routes if isinstance(route, APIRoute) and route.include_in_schema]
    tags = [tag for tag in (STREAM, SNAPSHOT, CONFIGURATIONS, HEALTH) if any(tag in route.tags for route in routes)]
    found = get_openapi(
        title=app.title,
        version=app.version,
        openapi_version="3.2.0",
        description=_DESCRIPTION,
        routes=app.routes,
        tags=[{"name": tag} for tag in tags],
        servers=_SERVERS,
        license_info=_LICENSE,
    )
    for route in routes:
        for method in route.methods or ():
            _complete(found["paths"][route.path_format][method.lower()], route)
    components = found["components"]
    components["schemas"] = _plain(components["schemas"]) | _schemas(streams=STREAM in tags)
    components["headers"] = HEADERS
    if STREAM in tags:
        components["securitySchemes"]["ticket"] = _TICKET
    return found


def _complete(operation: Schema, route: APIRoute) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _plain(parameter["schema"])
        parameter["schema"].pop("title", None)
        if parameter.get("required") is False:
            del parameter["required"]
    for status, answer in route.responses.items():  # FastAPI drops null from examples
        for kind, content in answer.get("content", {}).items():
            if "example" in content:
                operation["responses"][str(status)]["content"][kind]["example"] = content["example"]


def _plain(schema: Any) -> Any:
    """Bounds that are whole numbers, as they were declared: FastAPI makes them floats."""
    if isinstance(schema, dict):
        return {name: _plain(value) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_plain(value) for value in schema]
    return int(schema) if isinstance(schema, float) and schema.is_integer() else schema


def _schemas(*, streams: bool) -> Schema:
    """What no route has as the model of its answer: problems, bodies, events."""
    models: list[type[BaseModel]] = [Problem, NewConfiguration, ConfigurationChange]
    if streams:
        models += event_schemas.MODELS.values()
    _, found = models_json_schema(
        [(model, "validation") for model in models], ref_template="#/components/schemas/{model}"
    )
    schemas: Schema = found["$defs"]
    return schemas
