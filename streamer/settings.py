"""What the environment says, read once. docs/settings.md shows each setting; a test keeps the two in step."""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from streamer.errors import SettingsError

_TABLE = re.compile(r"[A-Za-z0-9_.-]{3,255}")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,256}")
_DEPLOYMENT = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_PREFIX = re.compile(r"[A-Za-z0-9_-]{1,43}")  # a queue's name has 80 characters, 37 of them are `-` and a UUID
_SECRET = re.compile(r"[!-+\--~]{16,1024}")  # what a header carries as it stands; a comma divides
_SECRET_ARN = re.compile(r"arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:[A-Za-z0-9/_+=.@!-]{1,519}")
_ORIGIN = re.compile(r"\*|https?://[A-Za-z0-9.-]+(:\d{1,5})?|https?://\[[0-9a-f:]+\](:\d{1,5})?")

_PER_USER = 10  # a few dashboards in a few tabs, and what reconnects before its old stream is missed
_PER_ADDRESS = 20  # a small office; five such addresses fill a container of 100
_OPENINGS = 5.0  # a second
_BURST_SECONDS = 4  # of openings at once: all of an office comes back in the same moment


def _matching(pattern: re.Pattern[str], remedy: str) -> AfterValidator:
    def check(value: str) -> str:
        if not pattern.fullmatch(value):
            raise ValueError(remedy)
        return value

    return AfterValidator(check)


def _entries(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _network(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        network = ip_network(value)
    except ValueError as error:
        why = "has bits behind its prefix" if "host bits" in str(error) else "is no network"
        raise ValueError(f"{value!r} {why}; give CIDRs such as 10.0.0.0/8 or fd00::/8, divided by commas") from None
    if isinstance(network, IPv6Network) and "%" in value:
        raise ValueError(f"{value!r} has a zone, which a network of peers has none of; leave it out")
    if isinstance(network, IPv6Network) and network.prefixlen >= 96 and network.network_address.ipv4_mapped:
        network = IPv4Network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    if network.prefixlen == 0:
        raise ValueError(
            f"{value!r} would let everybody say who they are, or from where; give the proxies' own networks"
        )
    return network


def is_secret_arn(entry: str) -> bool:
    """Whether an entry of a secret's setting is meant as an ARN and not as the secret itself."""
    return entry.startswith("arn:")


def flaw(secret: str) -> str | None:
    """What is wrong with a value as a secret, in words that do not show it."""
    if len(secret) < 16:
        return "is shorter than 16 characters"
    return None if _SECRET.fullmatch(secret) else "is not 16 to 1024 printable ASCII characters without space and comma"


def _sound_secrets(entries: tuple[SecretStr, ...]) -> tuple[SecretStr, ...]:
    mistakes = [] if entries else ["names none"]
    for position, entry in enumerate(entries, 1):
        value = entry.get_secret_value()
        if is_secret_arn(value):
            wrong = None if _SECRET_ARN.fullmatch(value) else "is an ARN, but of no secret in Secrets Manager"
        else:
            wrong = flaw(value)
        if wrong:
            mistakes.append(f"entry {position} {wrong}")
    if len({entry.get_secret_value() for entry in entries}) < len(entries):
        mistakes.append("an entry is there twice")
    if mistakes:
        raise ValueError(f"{', '.join(mistakes)}; give secrets, or ARNs from Secrets Manager, divided by commas")
    return entries


Seconds = Annotated[float, Field(gt=0, le=86_400, allow_inf_nan=False)]
Origin = Annotated[
    str,
    BeforeValidator(_lower),
    _matching(_ORIGIN, "give origins such as https://dash.example.com, divided by commas, or *"),
]
Network = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_entries), AfterValidator(_sound_secrets)]


class Settings(BaseModel):
    """Frozen; each field's alias is its key in the environment, its description the reason that the docs give."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, hide_input_in_errors=True)

    sentiment_table: Annotated[str, _matching(_TABLE, "give the name of the sentiment table")] = Field(
        alias="SENTIMENT_TABLE", description="table whose changes are streamed"
    )
    intake: Literal["push", "poll"] = Field(
        "push",
        alias="SSE_INTAKE",
        description="how changes come: `push` through a queue of the container's own, checked by queries of the table,"
        " or `poll` by those queries alone, without queue and topic; `poll` in Lambda",
    )
    topic_arn: Annotated[str, _matching(_TOPIC, "give an SNS topic's ARN, arn:aws:sns:REGION:ACCOUNT:NAME")] | None = (
        Field(
            None,
            alias="CHANGES_TOPIC_ARN",
            validate_default=True,
            description="topic that the relay publishes to; required, but with `SSE_INTAKE=poll`",
        )
    )
    users_table: Annotated[str, _matching(_TABLE, "give the name of the users table")] | None = Field(
        None,
        alias="USERS_TABLE",
        description="table of the users' configurations; without it every configuration and its stream is a 404",
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
    max_per_client: int | None = Field(
        None,
        alias="SSE_MAX_PER_CLIENT",
        ge=1,
        le=1_000_000,
        description="open streams of one user, and of one address (those of identified users not counted), beyond which"
        " 429 is answered; unset: 10 of a user, and what `SSE_MAX_PER_ADDRESS` says of an address",
    )
    max_per_address: int | None = Field(
        None,
        alias="SSE_MAX_PER_ADDRESS",
        ge=1,
        le=1_000_000,
        description="open streams of one address, those of identified users not counted, beyond which 429 is answered;"
        " unset: `SSE_MAX_PER_CLIENT`, else 20 where `FORWARDING_PROXIES` or `TRUSTED_PROXIES` is set, else any number,"
        " since all behind an unnamed load balancer share one",
    )
    max_openings: float | None = Field(
        None,
        alias="SSE_OPENINGS_PER_ADDRESS",
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="streams that one address opens a second in the long run, those of identified users not counted,"
        " beyond which 429 is answered; four seconds of them, and at least its open streams, may come at once; unset: 5"
        " where `FORWARDING_PROXIES` or `TRUSTED_PROXIES` is set, else any number",
    )
    reserved_percent: int = Field(
        20,
        alias="SSE_RESERVED_FOR_USERS",
        ge=0,
        le=100,
        description="share of `SSE_MAX_CONNECTIONS`, in percent, that only identified users get; counts where"
        " `GATEWAY_SECRET` or `TRUSTED_PROXIES` is set, since nobody is identified otherwise",
    )
    snapshot_queries: float = Field(
        50,
        alias="SSE_SNAPSHOT_QUERIES",
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="queries of the table that all callers of `GET /api/v2/sentiment` may cause a second, eight seconds"
        " of them at once, beyond which 503 is answered; not in REST's function, whose concurrency bounds it",
    )
    keep_alive: Seconds = Field(
        75,
        alias="SSE_KEEP_ALIVE",
        description="seconds that a connection without a request is kept; above the idle timeout of a load balancer in"
        " front, which else sends requests into a closing one",
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
        20,
        alias="SSE_DRAIN_WINDOW",
        ge=0,
        le=600,
        description="seconds over which a stop spreads its goodbyes; 0 in Lambda",
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
        description="seconds of a long poll",
    )
    canary_timeout: Seconds = Field(
        150,
        alias="SSE_CANARY_TIMEOUT",
        description="seconds without any message, canaries among them, after which the push path counts as broken;"
        " above twice the canary's schedule",
    )
    poll_interval: Seconds = Field(
        5,
        alias="SSE_POLL_INTERVAL",
        description="seconds between two queries of the table while push is broken, or not there",
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
        description="seconds of items that are counted from the table after start; 0: counts begin at the start, as"
        " in Lambda",
    )
    ready_after: Seconds = Field(
        10,
        alias="SSE_READY_AFTER",
        description="seconds without an answer of the table after which the service is ready all the same",
    )
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(_entries)] = Field(
        (),
        alias="TRUSTED_PROXIES",
        description="networks (CIDRs, separated by commas) whose peers are believed in `X-Forwarded-For` and, without"
        " `GATEWAY_SECRET`, in `X-User-ID`: so name no load balancer that passes on what the internet sends; not used"
        " in Lambda",
    )
    forwarding_proxies: Annotated[tuple[Network, ...], BeforeValidator(_entries)] = Field(
        (),
        alias="FORWARDING_PROXIES",
        description="networks (CIDRs, separated by commas) whose peers are believed in `X-Forwarded-For`, and in"
        " nothing else: a load balancer's subnets; those in `TRUSTED_PROXIES` are so without being named here; not used"
        " in Lambda",
    )
    gateway_secret: Secrets = Field(
        (),
        alias="GATEWAY_SECRET",
        description="what a gateway sends in `X-Gateway-Secret` so that its `X-User-ID` counts, whatever its address;"
        " one or several, divided by commas, each of at least 16 characters or a Secrets Manager ARN",
    )
    iam_session_is_user: bool = Field(
        False,
        alias="IAM_SESSION_IS_USER",
        description="in Lambda, with IAM: whether the name of a role's session, which whoever assumes the role chooses,"
        " is part of the user's id; else all sessions of a role are one user",
    )
    ticket_secret: Secrets = Field(
        (),
        alias="TICKET_SECRET",
        description="key of the tickets for browsers, written as `GATEWAY_SECRET` is: the first seals, all open;"
        " without it there are no tickets",
    )
    ticket_lifetime: Seconds = Field(
        900, alias="TICKET_LIFETIME", description="seconds that a ticket opens a stream, and that the stream lasts"
    )
    cors_origins: Annotated[tuple[Origin, ...], BeforeValidator(_entries)] = Field(
        (), alias="CORS_ORIGINS", description="origins of other sites whose pages may read the stream; * for all"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="LOG_LEVEL", description="least level that is logged"
    )
    log_format: Literal["json", "text"] = Field(
        "json", alias="LOG_FORMAT", description="json for machines, text for people"
    )
    metrics: Literal["none", "emf"] = Field(
        "none",
        alias="METRICS",
        description="`emf`: metrics for CloudWatch, as lines in the Embedded Metric Format on stdout; logs stay on"
        " stderr",
    )
    metrics_interval: float = Field(
        60,
        alias="METRICS_INTERVAL",
        ge=10,
        le=60,
        allow_inf_nan=False,
        description="seconds between two such lines of a container",
    )
    deployment_name: Annotated[str, _matching(_DEPLOYMENT, "use 1 to 64 letters, digits, ., - or _")] = Field(
        "sentiment",
        alias="DEPLOYMENT_NAME",
        description="value of `Deployment`, the metrics' only dimension, and start of the name in traces, so that two"
        " deployments in one account differ",
    )
    tracing: Literal["none", "xray"] = Field(
        "none",
        alias="TRACING",
        description="`xray`: requests and messages as segments for the X-Ray daemon at `AWS_XRAY_DAEMON_ADDRESS`",
    )

    function_name: str | None = Field(
        None,
        alias="AWS_LAMBDA_FUNCTION_NAME",
        description="set by Lambda, and by nobody else: says that this is a function, frozen between two requests",
    )

    @field_validator("topic_arn")
    @classmethod
    def _topic_where_needed(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("intake") == "push":
            raise PydanticCustomError("missing", "not set")
        return value

    @property
    def in_lambda(self) -> bool:
        """Whether this is a function."""
        return self.function_name is not None

    @property
    def per_user(self) -> int:
        """Streams of one user."""
        return self.max_per_client or _PER_USER

    @property
    def knows_addresses(self) -> bool:
        """Whether somebody said who forwards, so that an address is a client's and not a load balancer's."""
        return not self.in_lambda and bool(self.forwarding_proxies or self.trusted_proxies)

    @property
    def per_address(self) -> int | None:
        """Streams of one address that no identified user has; None: any number."""
        return self.max_per_address or self.max_per_client or (_PER_ADDRESS if self.knows_addresses else None)

    @property
    def openings(self) -> float | None:
        """Streams that one address opens a second; None: any number."""
        return self.max_openings or (_OPENINGS if self.knows_addresses else None)

    @property
    def openings_at_once(self) -> int:
        """Streams that one address may open in the same moment."""
        return max(math.ceil(_BURST_SECONDS * (self.openings or 0)), self.per_address or 0)

    @property
    def reserved(self) -> int:
        """Streams that only identified users get."""
        identifies = bool(self.gateway_secret or (self.trusted_proxies and not self.in_lambda))
        return self.max_connections * self.reserved_percent // 100 if identifies else 0


_IN_LAMBDA = {
    "SSE_INTAKE": "poll",  # a frozen environment cannot keep a queue
    "SSE_DRAIN_WINDOW": "0",  # nobody is there when it is stopped, and half a second later it is killed
    "SSE_WINDOW_FILL": "0",  # a day of items, read for one stream
}
"""What is not set there has these defaults."""


def read(environment: Mapping[str, str]) -> Settings:
    """Reads the settings. SettingsError names every mistake; an empty value counts as not set."""
    given = {key: value for key, value in environment.items() if value != ""}
    if "AWS_LAMBDA_FUNCTION_NAME" in given:
        given = _IN_LAMBDA | given
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


_SECRETS = ("GATEWAY_SECRET", "TICKET_SECRET")
"""What no message shows the value of."""


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _mistake(item: Any, given: Mapping[str, str]) -> str:
    named = item["loc"][0]  # by its alias where it was given, else by its own name
    field = next(field for name, field in Settings.model_fields.items() if named in (field.alias, name))
    key = field.alias or ""
    if item["type"] == "missing":
        return f"{key}: not set; it names the {field.description}"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if message != item["msg"] and not item["msg"].startswith("Value error"):
        message = f"give {message}"
    shown = key if key in _SECRETS else f"{key}={given.get(key, '')!r}"
    return f"{shown}: {message} ({field.description})"
