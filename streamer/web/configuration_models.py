"""The JSON objects of configurations in requests and responses."""

from __future__ import annotations

import unicodedata
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema, create_model

from streamer.change import TICKER
from streamer.configuration import CONFIG_ID, MAX_NAME, MAX_TICKERS, Configuration
from streamer.web.operation import HEADERS, Described, Schema, tidy
from streamer.web.operation import TICKER as TICKER_SCHEMA
from streamer.web.query import CURSOR

_UNPRINTABLE: Final = r"\u0000-\u001f\u007f-\u009f\u2028\u2029"
ID_SCHEMA: Final[Schema] = {"type": "string", "pattern": f"^{CONFIG_ID.pattern}$"}


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
        description="Display name. Unique for the user; case, character width and spaces are ignored.",
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
        description="The tickers of the configuration's stream; stored in upper case without duplicates.",
        examples=[["NVDA", "AMD"]],
    ),
    AfterValidator(_tickers),
]
Status = Annotated[
    Literal["active", "disabled"], Field(description="A disabled configuration has no stream.", examples=["active"])
]


class NewConfiguration(Described):
    """A new configuration."""

    name: Name
    tickers: Tickers
    status: Status = "active"


def _at_least_one(schema: Schema) -> None:
    tidy(schema)
    schema["minProperties"] = 1


class ConfigurationChange(Described):
    """The members to change. Members that are missing keep their values."""

    model_config = ConfigDict(json_schema_extra=_at_least_one)

    name: Name = Field(default=None)  # type: ignore[assignment]  # may be missing, but not null
    tickers: Tickers = Field(default=None)  # type: ignore[arg-type]
    status: Status = Field(default=None)  # type: ignore[arg-type]


_ETAG_SCHEMA: Final = HEADERS["ETag"]["schema"] | {"description": "The value of the header ETag, including the quotes."}
_TICKERS_SCHEMA: Final[Schema] = {"type": "array", "items": TICKER_SCHEMA, "maxItems": MAX_TICKERS}


class _Shown(Described):
    config_id: Annotated[str, WithJsonSchema(ID_SCHEMA)]
    name: str
    tickers: Annotated[list[str], WithJsonSchema(_TICKERS_SCHEMA)]
    status: Literal["active", "disabled"]
    etag: Annotated[str, WithJsonSchema(_ETAG_SCHEMA)]


# The model is named "Configuration" in OpenAPI, so that generated clients have this class name.
SHOWN: Final = create_model(
    "Configuration", __base__=_Shown, __doc__=f"A configuration. `name` has at most {MAX_NAME} characters."
)


class ConfigurationPage(Described):
    """A page of configurations, ordered by id."""

    configurations: list[SHOWN]  # type: ignore[valid-type] # created above
    cursor: str | None = Field(description=CURSOR)


def shown(configuration: Configuration) -> dict[str, Any]:
    """Returns the members of a response, without the user's id."""
    return {
        "config_id": configuration.config_id,
        "name": configuration.name,
        "tickers": list(configuration.tickers),
        "status": configuration.status,
        "etag": configuration.etag,
    }
