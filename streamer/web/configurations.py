"""A user's configurations over HTTP: create, list, get, change, delete.

The caller is identified before anything else, and what is not theirs does not exist for them: another user's, an
unknown and a deleted configuration are the same 404 from the same single read. A change needs the ETag of what it
changes.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import Annotated, Final, NoReturn, Protocol

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
from streamer.web.operation import CONFIGURATIONS, UserId, answer, declared_query, headers
from streamer.web.problems import TABLE_AWAY, UNKNOWN_USER, described, malformed
from streamer.web.query import CursorParameter, one, values, whole_number

PATH: Final = "/api/v2/configurations"
ONE: Final = PATH + "/{config_id}"
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
MAX_IF_MATCH: Final = 1_024

NO_STORE: Final = {"Cache-Control": "no-store"}
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,120}")

_NO_IF_MATCH: Final = "Say which version you mean: If-Match with the configuration's ETag, or *."
_STALE: Final = "The configuration is not the one that If-Match names: read it again, then decide."
_NAME_TAKEN: Final = "Another configuration has this name."
_NOT_FOUND: Final = "Configuration not found"
_NOTHING: Final = "The body names nothing to change: give name, tickers or status."


class ConfigurationStore(Protocol):
    """The storage of configurations. Every method may raise TableError: 503."""

    async def get(self, user_id: str, config_id: str) -> Configuration | None:
        """As it stands now."""

    async def page(self, user_id: str, after: str | None, limit: int) -> tuple[Sequence[Configuration], bool]:
        """Those behind the id `after`, by id; and whether more follow."""

    async def create(self, user_id: str, draft: Draft) -> Configuration:
        """Under a new id. Raises NameTaken or TooMany."""

    async def change(self, user_id: str, config_id: str, edit: Edit, matches: Sequence[str]) -> Configuration | None:
        """If its etag is one of `matches` (`*`: any). Raises Mismatch or NameTaken."""

    async def delete(self, user_id: str, config_id: str, matches: Sequence[str]) -> bool:
        """Likewise; False: there was none. Raises Mismatch."""


Limit = Annotated[
    list[str],
    values("Configurations of a page."),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT}),
]
PathId = Annotated[str, Path(), WithJsonSchema(ID_SCHEMA)]


async def known_id(config_id: PathId) -> str:
    """A dependency: the path's configuration id. RequestError (404) if no configuration can have it."""
    if not CONFIG_ID.fullmatch(config_id):
        not_found()
    return config_id


async def _if_match(request: Request) -> Sequence[str]:
    """The tags of If-Match (RFC 9110, 13.1.1). A weak one matches nothing."""
    given = ",".join(request.headers.getlist("if-match")).strip()
    if not given:
        raise RequestError(428, _NO_IF_MATCH)
    if given == "*":
        return ["*"]
    tags = [tag.strip() for tag in given.split(",")] if len(given) <= MAX_IF_MATCH else []
    if not tags or not all(_ETAG.fullmatch(tag) for tag in tags):
        raise RequestError(412, "If-Match is no ETag: give it with its quotes, as the configuration has it.")
    return tags


KnownId = Annotated[str, Depends(known_id)]
Matches = Annotated[Sequence[str], Depends(_if_match)]
NewBody = Annotated[NewConfiguration, Depends(body.reader(NewConfiguration))]
ChangeBody = Annotated[ConfigurationChange, Depends(body.reader(ConfigurationChange))]

_SHOWN_EXAMPLE: Final = {
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
            "description": "The ETag of the version that is meant, or `*`: whatever is there.",
            "schema": {"type": "string"},
            "example": _SHOWN_EXAMPLE["etag"],
        }
    ]
}
"""In OpenAPI's own form: it is required, but a request without it is a 428."""
_UNKNOWN: Final = described(404, "Unknown, deleted, or another user's.", _NOT_FOUND)
_CONFLICT: Final = described(409, "The name is taken.", _NAME_TAKEN, conflict="name")
_CONFLICT_OR_LIMIT: Final = described(
    409,
    f"`conflict` says why: `name` is taken, or `limit`: there are {MAX_CONFIGURATIONS} already.",
    _NAME_TAKEN,
    conflict="name",
)
_PRECONDITION: Final = {
    **described(412, "The ETag is not the current one: the configuration was changed meanwhile.", _STALE),
    **described(428, "There is no If-Match.", _NO_IF_MATCH),
}


def install(app: FastAPI, identity: CallerIdentity, configurations: ConfigurationStore | None) -> None:
    """Adds the routes. Without configurations each is a 404 for an identified caller."""
    caller = UserId(identity)
    guards = [Security(caller), Depends(declared_query)]  # in this order, and before everything else

    def store() -> ConfigurationStore:
        return configurations or not_found()

    @app.get(
        PATH,
        operation_id="listConfigurations",
        tags=[CONFIGURATIONS],
        dependencies=guards,
        summary="The user's configurations",
        response_model=ConfigurationPage,
        response_description="A page, by id.",
        responses={
            **answer({"configurations": [_SHOWN_EXAMPLE], "cursor": None}),
            **UNKNOWN_USER,
            **malformed("limit: give a whole number from 1 to 100"),
            **TABLE_AWAY,
        },
    )
    async def list_configurations(limit: Limit, cursor: CursorParameter, user_id: str = Security(caller)) -> Response:
        most = whole_number("limit", limit, DEFAULT_LIMIT, MAX_LIMIT)
        place = one("cursor", cursor)
        found, more = await store().page(user_id, None if place is None else _read_cursor(place), most)
        members = {
            "configurations": [shown(each) for each in found],
            "cursor": _write_cursor(found[-1].config_id) if more and found else None,
        }
        return JSONResponse(members, headers=NO_STORE)

    @app.post(
        PATH,
        operation_id="createConfiguration",
        tags=[CONFIGURATIONS],
        dependencies=guards,
        summary="Make a configuration",
        status_code=201,
        response_model=SHOWN,
        response_description="It is made.",
        responses={
            **answer(_SHOWN_EXAMPLE, "ETag", "Location", status=201),
            **UNKNOWN_USER,
            **_CONFLICT_OR_LIMIT,
            **body.REFUSED,
            **malformed("tickers: has too many entries"),
            **TABLE_AWAY,
        },
        openapi_extra=body.sent(NewConfiguration, {"name": "Chip makers", "tickers": ["NVDA", "AMD"]}),
    )
    async def create_configuration(wanted: NewBody, user_id: str = Security(caller)) -> Response:
        draft = Draft(wanted.name, tuple(wanted.tickers), wanted.status)
        try:
            made = await store().create(user_id, draft)
        except NameTaken:
            _name_taken()
        except TooMany:
            raise RequestError(
                409, f"There are {MAX_CONFIGURATIONS} configurations already: delete one first.", conflict="limit"
            ) from None
        return _one(made, 201, {"Location": f"{PATH}/{made.config_id}"})

    @app.get(
        ONE,
        operation_id="getConfiguration",
        tags=[CONFIGURATIONS],
        dependencies=guards,
        summary="One configuration",
        response_model=SHOWN,
        response_description="As it stands now.",
        responses={**answer(_SHOWN_EXAMPLE, "ETag"), **UNKNOWN_USER, **_UNKNOWN, **malformed(), **TABLE_AWAY},
    )
    async def get_configuration(config_id: KnownId, user_id: str = Security(caller)) -> Response:
        found = await store().get(user_id, config_id)
        return _one(found) if found is not None else not_found()

    @app.patch(
        ONE,
        operation_id="changeConfiguration",
        tags=[CONFIGURATIONS],
        dependencies=guards,
        summary="Change a configuration",
        description="What the body leaves out stays as it is. An open stream of it changes with it.",
        response_model=SHOWN,
        response_description="It is changed.",
        responses={
            **answer(_SHOWN_EXAMPLE, "ETag"),
            **UNKNOWN_USER,
            **_UNKNOWN,
            **_CONFLICT,
            **_PRECONDITION,
            **body.REFUSED,
            **malformed(_NOTHING),
            **TABLE_AWAY,
        },
        openapi_extra={**_IF_MATCH, **body.sent(ConfigurationChange, {"tickers": ["NVDA", "TSM"]})},
    )
    async def change_configuration(
        config_id: KnownId, matches: Matches, wanted: ChangeBody, user_id: str = Security(caller)
    ) -> Response:
        if not wanted.model_fields_set:
            raise RequestError(422, _NOTHING)
        edit = Edit(wanted.name, None if wanted.tickers is None else tuple(wanted.tickers), wanted.status)
        try:
            changed = await store().change(user_id, config_id, edit, matches)
        except Mismatch:
            _stale()
        except NameTaken:
            _name_taken()
        return _one(changed) if changed is not None else not_found()

    @app.delete(
        ONE,
        operation_id="deleteConfiguration",
        tags=[CONFIGURATIONS],
        dependencies=guards,
        summary="Delete a configuration",
        status_code=204,
        response_description="It is deleted.",
        responses={
            204: {"headers": headers(Cache_Control="NoStore")},
            **UNKNOWN_USER,
            **_UNKNOWN,
            **_PRECONDITION,
            **malformed(),
            **TABLE_AWAY,
        },
        openapi_extra=_IF_MATCH,
    )
    async def delete_configuration(config_id: KnownId, matches: Matches, user_id: str = Security(caller)) -> Response:
        try:
            if not await store().delete(user_id, config_id, matches):
                not_found()
        except Mismatch:
            _stale()
        return Response(status_code=204, headers=NO_STORE)


def not_found() -> NoReturn:
    """The same for every reason."""
    raise RequestError(404, _NOT_FOUND)


def _name_taken() -> NoReturn:
    raise RequestError(409, _NAME_TAKEN, conflict="name") from None


def _stale() -> NoReturn:
    raise RequestError(412, _STALE) from None


def _one(configuration: Configuration, status: int = 200, headers: dict[str, str] | None = None) -> Response:
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
        raise RequestError(422, "cursor: give the one that the page before ended with")
    return config_id
