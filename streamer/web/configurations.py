"""The routes of a user's configurations: create, list, get, change, delete.

The caller is identified before anything else. Another user's configuration, an unknown one and a deleted one are the
same 404, after the same single read. A change or a deletion requires If-Match with the ETag of the configuration.
"""

from __future__ import annotations

import base64
import binascii
import functools
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, NoReturn, Protocol

from fastapi import Depends, FastAPI, Path, Security
from pydantic import WithJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer.configuration import (
    CONFIG_ID,
    MAX_CONFIGURATIONS,
    Configuration,
    Draft,
    Edit,
    Mismatch,
    NameTaken,
    TooMany,
)
from streamer.errors import RequestError
from streamer.web import body
from streamer.web.configuration_models import (
    ID_SCHEMA,
    SHOWN,
    ConfigurationChange,
    ConfigurationPage,
    NewConfiguration,
    shown,
)
from streamer.web.identity import CallerIdentity
from streamer.web.operation import (
    CONFIGURATIONS,
    Responses,
    UserId,
    declared_query,
    get_or_head,
    headers,
    json_example,
)
from streamer.web.problems import TABLE_AWAY, UNKNOWN_USER, documented, malformed, problem
from streamer.web.query import CursorParameter, query_values, single, whole_number

PATH: Final = "/api/v2/configurations"
ONE: Final = PATH + "/{config_id}"
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
MAX_IF_MATCH: Final = 1_024

NO_STORE: Final = {"Cache-Control": "no-store"}
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,120}")

_NO_IF_MATCH: Final = "Send If-Match with the configuration's ETag, or with *."
_STALE: Final = "The configuration has another ETag than If-Match: it was changed meanwhile. Read it again."
_NAME_TAKEN: Final = "Another configuration has this name."
_NOT_FOUND: Final = "Configuration not found"
_NO_CHANGE: Final = "The body has no member to change: give name, tickers or status."
_REFUSALS: Final[Mapping[type[Exception], tuple[int, str, Mapping[str, str]]]] = {
    NameTaken: (409, _NAME_TAKEN, {"conflict": "name"}),
    TooMany: (
        409,
        f"The user has {MAX_CONFIGURATIONS} configurations: delete one first.",
        {"conflict": "limit"},
    ),
    Mismatch: (412, _STALE, {}),
}
"""Status, detail and members of the problem for an error of the store."""


class ConfigurationStore(Protocol):
    """The storage of configurations. Every method may raise TableError (503)."""

    async def get(self, user_id: str, config_id: str) -> Configuration | None:
        """Reads the current configuration; None if it does not exist."""

    async def page(self, user_id: str, after: str | None, limit: int) -> tuple[Sequence[Configuration], bool]:
        """Returns configurations ordered by id, after the id `after`, and whether more follow."""

    async def create(self, user_id: str, draft: Draft) -> Configuration:
        """Creates a configuration with a new id. Raises NameTaken or TooMany."""

    async def change(self, user_id: str, config_id: str, edit: Edit, matches: Sequence[str]) -> Configuration | None:
        """Changes the configuration if its ETag is in `matches` (`*` matches any); None if it does not exist. Raises
        Mismatch or NameTaken."""

    async def delete(self, user_id: str, config_id: str, matches: Sequence[str]) -> bool:
        """Deletes the configuration if its ETag is in `matches`; False if it does not exist. Raises Mismatch."""


Limit = Annotated[
    list[str],
    query_values("Maximum number of configurations per page."),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
]
PathId = Annotated[str, Path(), WithJsonSchema(ID_SCHEMA)]


async def known_id(config_id: PathId) -> str:
    """A dependency: returns the path's configuration id. Raises RequestError (404) if it is not a valid id."""
    if not CONFIG_ID.fullmatch(config_id):
        not_found()
    return config_id


async def _if_match(request: Request) -> Sequence[str]:
    """A dependency: returns the entity tags of If-Match (RFC 9110, 13.1.1). A weak tag matches nothing."""
    given = ",".join(request.headers.getlist("if-match")).strip()
    if not given:
        raise RequestError(428, _NO_IF_MATCH)
    if given == "*":
        return ["*"]
    tags = [tag.strip() for tag in given.split(",")] if len(given) <= MAX_IF_MATCH else []
    if not tags or not all(_ETAG.fullmatch(tag) for tag in tags):
        raise RequestError(412, "If-Match is not a valid ETag: send it with its quotes, as the configuration has it.")
    return tags


KnownId = Annotated[str, Depends(known_id)]
Matches = Annotated[Sequence[str], Depends(_if_match)]
NewBody = Annotated[NewConfiguration, Depends(body.reader(NewConfiguration))]
ChangeBody = Annotated[ConfigurationChange, Depends(body.reader(ConfigurationChange))]

_EXAMPLE: Final = {
    "config_id": "5f2b8c0de4a14b6f9d3f1a7c2e9b8d60",
    "name": "Chip makers",
    "tickers": ["NVDA", "AMD"],
    "status": "active",
    "etag": '"q2uVbF0mJ0mYkq3n0YVY0w"',
}
_IF_MATCH: Final = {
    "parameters": [
        {
            "name": "If-Match",
            "in": "header",
            "required": True,
            "description": "The configuration's ETag, or `*` for any.",
            "schema": {"type": "string"},
            "example": _EXAMPLE["etag"],
        }
    ]
}
"""Not a FastAPI parameter: FastAPI would respond with 422 to a request without the header, instead of 428."""
_UNKNOWN: Final = documented(404, "The configuration is unknown, deleted, or another user's.", _NOT_FOUND)
_NAME_CONFLICT: Final = documented(409, "The name is taken.", _NAME_TAKEN, conflict="name")
_NAME_TAKEN_OR_LIMIT: Final = documented(
    409,
    f"`conflict` is `name` (the name is taken) or `limit` (the user has {MAX_CONFIGURATIONS} configurations).",
    _NAME_TAKEN,
    conflict="name",
)
_PRECONDITION: Final = {
    **documented(412, "The ETag is not the current one: the configuration was changed meanwhile.", _STALE),
    **documented(428, "The request has no If-Match.", _NO_IF_MATCH),
}


def install(app: FastAPI, identity: CallerIdentity, configurations: ConfigurationStore | None) -> None:
    """Adds the routes. Without configurations each route is a 404 for an identified caller."""
    caller = UserId(identity)

    def store() -> ConfigurationStore:
        return configurations or not_found()

    for refusal in _REFUSALS:
        app.add_exception_handler(refusal, _on_refusal)
    _install_collection(app, caller, store)
    _install_item(app, caller, store)


def _declare(
    caller: UserId, operation_id: str, summary: str, success: Responses, *problems: Responses
) -> dict[str, Any]:
    """Returns what all routes declare. The caller is identified before anything else is checked."""
    return {
        "operation_id": operation_id,
        "tags": [CONFIGURATIONS],
        "summary": summary,
        "dependencies": [Security(caller), Depends(declared_query)],
        "responses": functools.reduce(operator.or_, (success, UNKNOWN_USER, *problems, TABLE_AWAY)),
    }


def _install_collection(app: FastAPI, caller: UserId, store: Callable[[], ConfigurationStore]) -> None:
    @get_or_head(
        app,
        PATH,
        **_declare(
            caller,
            "listConfigurations",
            "List the user's configurations",
            json_example({"configurations": [_EXAMPLE], "cursor": None}),
            malformed("limit: give a whole number from 1 to 100"),
        ),
        response_model=ConfigurationPage,
        response_description="A page, ordered by id.",
    )
    async def list_configurations(limit: Limit, cursor: CursorParameter, user_id: str = Security(caller)) -> Response:
        page_size = whole_number("limit", limit, DEFAULT_LIMIT, MAX_LIMIT)
        text = single("cursor", cursor)
        found, more = await store().page(user_id, None if text is None else _read_cursor(text), page_size)
        members = {
            "configurations": [shown(each) for each in found],
            "cursor": _write_cursor(found[-1].config_id) if more and found else None,
        }
        return JSONResponse(members, headers=NO_STORE)

    @app.post(
        PATH,
        **_declare(
            caller,
            "createConfiguration",
            "Create a configuration",
            json_example(_EXAMPLE, "ETag", "Location", status=201),
            _NAME_TAKEN_OR_LIMIT,
            body.PROBLEMS,
            malformed("tickers: has too many entries"),
        ),
        status_code=201,
        response_model=SHOWN,
        response_description="The configuration was created.",
        openapi_extra=body.documented_body(NewConfiguration, {"name": "Chip makers", "tickers": ["NVDA", "AMD"]}),
    )
    async def create_configuration(wanted: NewBody, user_id: str = Security(caller)) -> Response:
        created = await store().create(user_id, Draft(wanted.name, tuple(wanted.tickers), wanted.status))
        return _response(created, 201, {"Location": f"{PATH}/{created.config_id}"})


def _install_item(app: FastAPI, caller: UserId, store: Callable[[], ConfigurationStore]) -> None:
    @get_or_head(
        app,
        ONE,
        **_declare(
            caller, "getConfiguration", "Read a configuration", json_example(_EXAMPLE, "ETag"), _UNKNOWN, malformed()
        ),
        response_model=SHOWN,
        response_description="The current configuration.",
    )
    async def get_configuration(config_id: KnownId, user_id: str = Security(caller)) -> Response:
        return _response(await store().get(user_id, config_id) or not_found())

    @app.patch(
        ONE,
        **_declare(
            caller,
            "changeConfiguration",
            "Change a configuration",
            json_example(_EXAMPLE, "ETag"),
            _UNKNOWN,
            _NAME_CONFLICT,
            _PRECONDITION,
            body.PROBLEMS,
            malformed(_NO_CHANGE),
        ),
        description="Members that the body omits keep their values. The change also applies to open streams of the"
        " configuration.",
        response_model=SHOWN,
        response_description="The configuration was changed.",
        openapi_extra={**_IF_MATCH, **body.documented_body(ConfigurationChange, {"tickers": ["NVDA", "TSM"]})},
    )
    async def change_configuration(
        config_id: KnownId, matches: Matches, wanted: ChangeBody, user_id: str = Security(caller)
    ) -> Response:
        if not wanted.model_fields_set:
            raise RequestError(422, _NO_CHANGE)
        edit = Edit(wanted.name, None if wanted.tickers is None else tuple(wanted.tickers), wanted.status)
        return _response(await store().change(user_id, config_id, edit, matches) or not_found())

    @app.delete(
        ONE,
        **_declare(
            caller,
            "deleteConfiguration",
            "Delete a configuration",
            {204: {"headers": headers(Cache_Control="NoStore")}},
            _UNKNOWN,
            _PRECONDITION,
            malformed(),
        ),
        status_code=204,
        response_description="The configuration was deleted.",
        openapi_extra=_IF_MATCH,
    )
    async def delete_configuration(config_id: KnownId, matches: Matches, user_id: str = Security(caller)) -> Response:
        if not await store().delete(user_id, config_id, matches):
            not_found()
        return Response(status_code=204, headers=NO_STORE)


def not_found() -> NoReturn:
    """Raises the same RequestError (404) for an unknown, a deleted and another user's configuration."""
    raise RequestError(404, _NOT_FOUND)


async def _on_refusal(_: Request, error: Exception) -> Response:
    status, detail, members = _REFUSALS[type(error)]
    return problem(status, detail, headers=None, **members)


def _response(configuration: Configuration, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(shown(configuration), status, {**NO_STORE, "ETag": configuration.etag, **(headers or {})})


def _write_cursor(config_id: str) -> str:
    return base64.urlsafe_b64encode(f"1:{config_id}".encode()).decode("ascii").rstrip("=")


def _read_cursor(text: str) -> str:
    config_id = ""
    if _CURSOR.fullmatch(text):
        try:
            decoded = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True).decode("ascii")
        except (binascii.Error, ValueError):
            decoded = ""
        config_id = decoded.removeprefix("1:") if decoded.startswith("1:") else ""
    if not CONFIG_ID.fullmatch(config_id) or _write_cursor(config_id) != text:
        raise RequestError(422, "cursor: send the `cursor` of the previous page")
    return config_id
