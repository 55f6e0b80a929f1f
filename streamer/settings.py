"""What the environment says, read once. docs/settings.md shows each setting; a test keeps the two in step."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from streamer.errors import SettingsError

_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,43}")  # a queue's name has 80 characters, 37 of them are `-` and a UUID
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")


def _matching(pattern: re.Pattern[str], remedy: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(remedy)
        return value

    return AfterValidator(check)


def _origins(value: object) -> object:
    return tuple(part.strip().lower() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Origin = Annotated[str, _matching(_ORIGIN, "give origins such as https://dash.example.com, divided by commas, or *")]


class Settings(BaseModel):
    """Frozen; each field's alias is its key in the environment, its description the reason that the docs give."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    sentiment_table: Annotated[str, _matching(_TABLE, "give the name of the sentiment table")] = Field(
        alias="SENTIMENT_TABLE", description="table whose changes are streamed"
    )
    topic_arn: Annotated[str, _matching(_TOPIC, "give an SNS topic's ARN, arn:aws:sns:REGION:ACCOUNT:NAME")] = Field(
        alias="CHANGES_TOPIC_ARN", description="topic that the relay publishes to"
    )
    queue_prefix: Annotated[str, _matching(_PREFIX, "use 1 to 43 letters, digits, - or _")] = Field(
        "sentiment-stream", alias="QUEUE_PREFIX", description="start of the names of the queues that containers make"
    )
    host: str = Field(
        "127.0.0.1", alias="SSE_HOST", min_length=1, description="address to listen on; 0.0.0.0 in a container"
    )
    port: int = Field(8080, alias="SSE_PORT", ge=0, le=65_535, description="port to listen on; 0: any free one")
    max_connections: int = Field(
        100,
        alias="SSE_MAX_CONNECTIONS",
        ge=1,
        le=1_000_000,
        description="open streams, beyond which 503 is answered; the limit of open files is to be 128 above",
    )
    heartbeat_interval: Seconds = Field(
        30, alias="SSE_HEARTBEAT_INTERVAL", description="seconds between heartbeats on a stream"
    )
    ping_interval: Seconds = Field(
        15, alias="SSE_PING_INTERVAL", description="seconds of silence before a comment; below a proxy's idle timeout"
    )
    lifetime: Seconds = Field(
        900, alias="SSE_LIFETIME", description="longest life of a stream in seconds (each lives 80 to 100 % of it)"
    )
    drain_window: float = Field(
        20, alias="SSE_DRAIN_WINDOW", ge=0, le=600, description="seconds over which a stop spreads its goodbyes"
    )
    history_seconds: Seconds = Field(900, alias="SSE_HISTORY", description="seconds of events kept for replay")
    history_bytes: int = Field(
        67_108_864, alias="SSE_HISTORY_BYTES", ge=65_536, description="memory for replay, in bytes"
    )
    max_items: int = Field(
        200_000,
        alias="SSE_MAX_ITEMS",
        ge=1_000,
        description="items remembered for their order and for the 24 h counts, about 1.1 kB each;"
        " for their order, those of the last hour always are",
    )
    receive_wait: int = Field(
        10,
        alias="SSE_RECEIVE_WAIT",
        ge=1,
        le=20,
        description="seconds of a long poll; also bounds how long a stop takes",
    )
    canary_timeout: Seconds = Field(
        150,
        alias="SSE_CANARY_TIMEOUT",
        description="seconds without any message, canaries among them, after which the push path counts as broken;"
        " above twice the canary's schedule",
    )
    poll_interval: Seconds = Field(
        5, alias="SSE_POLL_INTERVAL", description="seconds between two queries of the table while push is broken"
    )
    verify_interval: Seconds = Field(
        15, alias="SSE_VERIFY_INTERVAL", description="seconds between two queries of the table that check push"
    )
    lookback: float = Field(
        180,
        alias="SSE_LOOKBACK",
        ge=150,
        le=86_400,
        description="seconds of items, by their timestamp, that a query reads;"
        " above the 120 within which an item is to be scored",
    )
    catchup: float = Field(
        3_600,
        alias="SSE_CATCHUP",
        ge=150,
        le=86_400,
        description="seconds of items that one query reads on the return to push, for what was scored late meanwhile",
    )
    proof_margin: float = Field(
        10,
        alias="SSE_PROOF_MARGIN",
        ge=0,
        le=120,
        allow_inf_nan=False,
        description="seconds for the index's lag and for clocks that differ, taken off the proven time",
    )
    window_fill: float = Field(
        86_400,
        alias="SSE_WINDOW_FILL",
        ge=0,
        le=86_400,
        description="seconds of items that are counted from the table after start; 0: counts begin at the start",
    )
    ready_after: Seconds = Field(
        10,
        alias="SSE_READY_AFTER",
        description="seconds without an answer of the table after which the service is ready all the same",
    )
    cors_origins: Annotated[tuple[Origin, ...], BeforeValidator(_origins)] = Field(
        (), alias="CORS_ORIGINS", description="origins of other sites whose pages may read the stream; * for all"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="LOG_LEVEL", description="least level that is logged"
    )
    log_format: Literal["json", "text"] = Field(
        "json", alias="LOG_FORMAT", description="json for machines, text for people"
    )


def read(environment: Mapping[str, str]) -> Settings:
    """Reads the settings. SettingsError names every mistake; an empty value counts as not set."""
    given = {key: value for key, value in environment.items() if value != ""}
    try:
        return Settings.model_validate({key: given[key] for key in keys() if key in given})
    except ValidationError as error:
        raise SettingsError([_mistake(item, given) for item in error.errors()]) from None


def keys() -> list[str]:
    """Every key that is read, in the order of the docs."""
    return [field.alias for field in Settings.model_fields.values() if field.alias]


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Keys that look like ours and are not, each with the likeliest intention. Not an error: a newer version's
    environment must not stop an older one that is rolled back to."""
    known = keys()
    strangers = sorted(key for key in environment if key.startswith("SSE_") and key not in known)
    return [f"{key}: not a setting{_suggestion(key, known)}" for key in strangers]


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _mistake(item: Any, given: Mapping[str, str]) -> str:
    key = str(item["loc"][0])
    field = next(field for field in Settings.model_fields.values() if field.alias == key)
    if item["type"] == "missing":
        return f"{key}: not set; it names the {field.description}"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if message != item["msg"] and not item["msg"].startswith("Value error"):
        message = f"give {message}"
    return f"{key}={given.get(key, '')!r}: {message} ({field.description})"
