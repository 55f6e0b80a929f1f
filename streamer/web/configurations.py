"""A user's configurations over HTTP: create, list, get, change, delete.

Who asks is decided before anything else, and what is not theirs is not there: another user's, an unknown and a deleted
one are the same 404 from the same single read. A change needs the ETag of what it changes.
"""

from __future__ import annotations

import base64
import binascii
import re
import unicodedata
from collections.abc import Callable, Sequence
from typing import Annotated, Any, Final, Literal, NoReturn, Protocol

from fastapi import FastAPI
from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer.change import TICKER
from streamer.configuration import (
    CONFIG_ID,
    MAX_CONFIGURATIONS,
    MAX_NAME,
    MAX_TICKERS,
    Configuration,
    Draft,
    Edit,
    Mismatch,
    NameTaken,
    TooMany,
)
from streamer.errors import RequestError
from streamer.web import body
from streamer.web.query import known, one, whole_number

PATH: Final = "/api/v2/configurations"
DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
MAX_IF_MATCH: Final = 1_024

NO_STORE: Final = {"Cache-Control": "no-store"}
_ETAG: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_CURSOR: Final = re.compile(r"[A-Za-z0-9_-]{1,120}")
_UNPRINTABLE: Final = "\x00-\x1f\x7f-\x9f\u2028\u2029"


class Configurations(Protocol):
    """Where configurations are kept. Every method may raise TableError: 503."""

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


Identify = Callable[[Request], str]
"""Who asks. Raises RequestError (401); must not block."""


def _name(value: str) -> str:
    stripped = value.strip()
    if not stripped or any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in stripped):
        raise ValueError(f"give 1 to {MAX_NAME} characters, none of them a control character")
    return stripped


def _tickers(values: list[str]) -> list[str]:
    for position, value in enumerate(values, 1):
        if not value.isascii() or not TICKER.fullmatch(value.upper()):
            raise ValueError(f"entry {position} is no ticker; write 1 to 12 of A-Z 0-9 . ^ = -")
    return list(dict.fromkeys(value.upper() for value in values))


Name = Annotated[
    str,
    Field(
        strict=True,
        min_length=1,
        max_length=MAX_NAME,
        description="For people. Unique among a user's configurations, whatever its case, width and spaces.",
        examples=["Chip makers"],
        json_schema_extra={"pattern": f"^[^{_UNPRINTABLE}]*[^{_UNPRINTABLE}\\s][^{_UNPRINTABLE}]*$"},
    ),
    AfterValidator(_name),
]
Tickers = Annotated[
    list[Annotated[str, Field(strict=True, json_schema_extra={"pattern": "^[A-Za-z0-9.^=-]{1,12}$"})]],
    Field(
        strict=True,
        min_length=1,
        max_length=MAX_TICKERS,
        description="What the configuration's stream shows; kept in upper case, each once.",
        examples=[["NVDA", "AMD"]],
    ),
    AfterValidator(_tickers),
]
Status = Annotated[
    Literal["active", "disabled"], Field(description="A disabled configuration has no stream.", examples=["active"])
]


class NewConfiguration(BaseModel):
    """What a new configuration is to be."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    tickers: Tickers
    status: Status = "active"


class ConfigurationChange(BaseModel):
    """What is to be different; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"minProperties": 1})

    name: Name = Field(default=None)  # type: ignore[assignment]  # left out; null is not allowed
    tickers: Tickers = Field(default=None)  # type: ignore[arg-type]
    status: Status = Field(default=None)  # type: ignore[arg-type]


def install(app: FastAPI, identify: Identify, configurations: Configurations | None) -> None:
    """Adds the routes. Without configurations each is a 404, for whoever is known."""
    handlers = _Handlers(identify, configurations)
    app.add_api_route(PATH, handlers.collection, methods=["GET", "POST"], include_in_schema=False)
    app.add_api_route(
        PATH + "/{config_id}", handlers.single, methods=["GET", "PATCH", "DELETE"], include_in_schema=False
    )


def shown(configuration: Configuration) -> dict[str, Any]:
    """As clients see it: no user id."""
    return {
        "config_id": configuration.config_id,
        "name": configuration.name,
        "tickers": list(configuration.tickers),
        "status": configuration.status,
        "etag": configuration.etag,
    }


class _Handlers:
    """One for each path, so that a method that is not allowed names all that are."""

    def __init__(self, identify: Identify, configurations: Configurations | None) -> None:
        self._identify = identify
        self._given = configurations

    @property
    def _configurations(self) -> Configurations:
        return self._given or not_found()

    async def collection(self, request: Request) -> Response:
        user_id = self._identify(request)
        known(request.query_params, *(() if request.method == "POST" else ("limit", "cursor")))
        return await (self._create if request.method == "POST" else self._list)(request, user_id)

    async def single(self, request: Request) -> Response:
        user_id = self._identify(request)
        known(request.query_params)
        config_id = request.path_params["config_id"]
        if not CONFIG_ID.fullmatch(config_id):
            not_found()
        if request.method == "GET":
            found = await self._configurations.get(user_id, config_id)
            return _one(found) if found is not None else not_found()
        matches = _if_match(request)
        try:
            if request.method == "DELETE":
                if not await self._configurations.delete(user_id, config_id, matches):
                    not_found()
                return Response(status_code=204, headers=NO_STORE)
            wanted = await body.read(request, ConfigurationChange)
            if not wanted.model_fields_set:
                raise RequestError(422, "The body names nothing to change: give name, tickers or status.")
            edit = Edit(wanted.name, None if wanted.tickers is None else tuple(wanted.tickers), wanted.status)
            changed = await self._configurations.change(user_id, config_id, edit, matches)
        except Mismatch:
            raise RequestError(
                412, "The configuration is not the one that If-Match names: read it again, then decide."
            ) from None
        except NameTaken:
            _name_taken()
        return _one(changed) if changed is not None else not_found()

    async def _create(self, request: Request, user_id: str) -> Response:
        wanted = await body.read(request, NewConfiguration)
        try:
            made = await self._configurations.create(user_id, Draft(wanted.name, tuple(wanted.tickers), wanted.status))
        except NameTaken:
            _name_taken()
        except TooMany:
            raise RequestError(
                409, f"There are {MAX_CONFIGURATIONS} configurations already: delete one first.", conflict="limit"
            ) from None
        return _one(made, 201, {"Location": f"{PATH}/{made.config_id}"})

    async def _list(self, request: Request, user_id: str) -> Response:
        limit = whole_number(request.query_params, "limit", DEFAULT_LIMIT, MAX_LIMIT)
        cursor = one(request.query_params, "cursor")
        after = None if cursor is None else _read_cursor(cursor)
        found, more = await self._configurations.page(user_id, after, limit)
        members = {
            "configurations": [shown(each) for each in found],
            "cursor": _write_cursor(found[-1].config_id) if more and found else None,
        }
        return JSONResponse(members, headers=NO_STORE)


def not_found() -> NoReturn:
    """The same for every reason."""
    raise RequestError(404, "Configuration not found")


def _name_taken() -> NoReturn:
    raise RequestError(409, "Another configuration has this name.", conflict="name") from None


def _one(configuration: Configuration, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse(shown(configuration), status, {**NO_STORE, "ETag": configuration.etag, **(headers or {})})


def _if_match(request: Request) -> Sequence[str]:
    """The tags of If-Match (RFC 9110, 13.1.1). A weak one matches nothing."""
    given = ",".join(request.headers.getlist("if-match")).strip()
    if not given:
        raise RequestError(428, "Say which version you mean: If-Match with the configuration's ETag, or *.")
    if given == "*":
        return ["*"]
    tags = [tag.strip() for tag in given.split(",")] if len(given) <= MAX_IF_MATCH else []
    if not tags or not all(_ETAG.fullmatch(tag) for tag in tags):
        raise RequestError(412, "If-Match is no ETag: give it with its quotes, as the configuration has it.")
    return tags


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
