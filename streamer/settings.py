"""The service's settings, read from the environment once. docs/settings.md has the same table; a test compares them."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from streamer.errors import SettingsError
from streamer.setting_values import (
    DeploymentName,
    Network,
    Origin,
    QueuePrefix,
    Seconds,
    Secrets,
    SentimentTableName,
    Topic,
    UsersTableName,
    entries,
)

_PER_USER = 10  # some dashboards in some tabs, and reconnects before the end of the old stream is noticed
_PER_ADDRESS = 20  # a small office; five such addresses fill a container of 100
_OPENINGS = 5.0  # a second
_BURST_SECONDS = 4  # worth of openings at once: an office reconnects in the same moment


class Settings(BaseModel):
    """The alias of a field is its key in the environment; its description is that of docs/settings.md."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, hide_input_in_errors=True)

    sentiment_table: SentimentTableName = Field(alias="SENTIMENT_TABLE", description="table whose changes are streamed")
    intake: Literal["push", "poll"] = Field(
        "push",
        alias="SSE_INTAKE",
        description="source of changes: `push` (the container's own queue, checked by queries of the table) or `poll`"
        " (only the queries; needs no queue and no topic); `poll` in Lambda",
    )
    topic_arn: Topic | None = Field(
        None,
        alias="CHANGES_TOPIC_ARN",
        validate_default=True,
        description="topic that the relay publishes to; required unless `SSE_INTAKE=poll`",
    )
    users_table: UsersTableName | None = Field(
        None,
        alias="USERS_TABLE",
        description="table of the users' configurations; without it every configuration and its stream is 404",
    )
    queue_prefix: QueuePrefix = Field(
        "sentiment-stream", alias="QUEUE_PREFIX", description="prefix of the names of the containers' queues"
    )
    host: str = Field(
        "127.0.0.1", alias="SSE_HOST", min_length=1, description="address to listen on; use 0.0.0.0 in a container"
    )
    port: int = Field(8080, alias="SSE_PORT", ge=0, le=65_535, description="port to listen on; 0 selects a free one")
    max_connections: int = Field(
        100,
        alias="SSE_MAX_CONNECTIONS",
        ge=1,
        le=1_000_000,
        description="maximum number of open streams, then 503; the limit of open files must be 128 higher",
    )
    max_per_client: int | None = Field(
        None,
        alias="SSE_MAX_PER_CLIENT",
        ge=1,
        le=1_000_000,
        description="maximum number of open streams per user, and per address without identified users' streams, then"
        " 429; unset: 10 per user, and `SSE_MAX_PER_ADDRESS` per address",
    )
    max_per_address: int | None = Field(
        None,
        alias="SSE_MAX_PER_ADDRESS",
        ge=1,
        le=1_000_000,
        description="maximum number of open streams per address, not counting identified users' streams, then 429;"
        " unset: `SSE_MAX_PER_CLIENT`, else 20 if `FORWARDING_PROXIES` or `TRUSTED_PROXIES` is set, else"
        " unlimited, because all clients of an unknown load balancer share one address",
    )
    max_openings: float | None = Field(
        None,
        alias="SSE_OPENINGS_PER_ADDRESS",
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="streams that one address may open per second on average, not counting identified users' streams,"
        " then 429; a burst may have four seconds' worth, and at least the maximum of open streams;"
        " unset: 5 if `FORWARDING_PROXIES` or `TRUSTED_PROXIES` is set, else unlimited",
    )
    reserved_percent: int = Field(
        20,
        alias="SSE_RESERVED_FOR_USERS",
        ge=0,
        le=100,
        description="percentage of `SSE_MAX_CONNECTIONS` that is reserved for identified users; applies if"
        " `GATEWAY_SECRET` or `TRUSTED_PROXIES` is set, because otherwise no user is identified",
    )
    snapshot_queries: float = Field(
        50,
        alias="SSE_SNAPSHOT_QUERIES",
        gt=0,
        le=1_000_000,
        allow_inf_nan=False,
        description="queries of the table per second that all callers of `GET /api/v2/sentiment` together may cause,"
        " with bursts of eight seconds' worth, then 503; not used in the REST function, which its"
        " concurrency limits",
    )
    keep_alive: Seconds = Field(
        75,
        alias="SSE_KEEP_ALIVE",
        description="seconds for which an idle connection is kept; must exceed the idle timeout of a load balancer in"
        " front, which otherwise sends requests into a connection that is being closed",
    )
    heartbeat_interval: Seconds = Field(
        30, alias="SSE_HEARTBEAT_INTERVAL", description="seconds between heartbeats on a stream"
    )
    ping_interval: Seconds = Field(
        15,
        alias="SSE_PING_INTERVAL",
        description="seconds of silence before a comment line; keep it below the proxies' idle timeout",
    )
    lifetime: Seconds = Field(
        900, alias="SSE_LIFETIME", description="maximum lifetime of a stream in seconds (each lives 80 to 100 % of it)"
    )
    drain_window: float = Field(
        20,
        alias="SSE_DRAIN_WINDOW",
        ge=0,
        le=600,
        description="seconds over which the `closing` events of a shutdown are spread; 0 in Lambda",
    )
    history_seconds: Seconds = Field(900, alias="SSE_HISTORY", description="seconds of events that are kept for replay")
    history_bytes: int = Field(
        67_108_864, alias="SSE_HISTORY_BYTES", ge=65_536, description="maximum size of the replay history in bytes"
    )
    max_items: int = Field(
        200_000,
        alias="SSE_MAX_ITEMS",
        ge=1_000,
        description="maximum number of items remembered for ordering and for the 24 h counts, about 1.1 kB each;"
        " items of the last hour are always remembered for ordering",
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
        description="seconds without any message or canary after which the push path counts as broken; must exceed"
        " twice the interval of the canaries",
    )
    poll_interval: Seconds = Field(
        5,
        alias="SSE_POLL_INTERVAL",
        description="seconds between queries of the table while push is broken or not used",
    )
    verify_interval: Seconds = Field(
        15, alias="SSE_VERIFY_INTERVAL", description="seconds between queries of the table that verify push"
    )
    lookback: float = Field(
        180,
        alias="SSE_LOOKBACK",
        ge=150,
        le=86_400,
        description="age in seconds, by `timestamp`, of the oldest items that a query reads; must exceed the 120 s"
        " within which items are scored",
    )
    catchup: float = Field(
        3_600,
        alias="SSE_CATCHUP",
        ge=150,
        le=86_400,
        description="age in seconds of the oldest items that one query reads on the return to push, to find items"
        " that were scored late",
    )
    proof_margin: float = Field(
        10,
        alias="SSE_PROOF_MARGIN",
        ge=0,
        le=120,
        allow_inf_nan=False,
        description="seconds subtracted from the watermark, for the index's delay and for clock differences",
    )
    window_fill: float = Field(
        86_400,
        alias="SSE_WINDOW_FILL",
        ge=0,
        le=86_400,
        description="age in seconds of the oldest items that are counted from the table after start; 0 starts"
        " counting at the start, as in Lambda",
    )
    ready_after: Seconds = Field(
        10,
        alias="SSE_READY_AFTER",
        description="seconds without an answer of the table after which the service reports ready anyway",
    )
    trusted_proxies: Annotated[tuple[Network, ...], BeforeValidator(entries)] = Field(
        (),
        alias="TRUSTED_PROXIES",
        description="networks (CIDRs, separated by commas) of proxies whose `X-Forwarded-For` and, without"
        " `GATEWAY_SECRET`, whose `X-User-ID` is accepted; never a load balancer that forwards headers"
        " from the internet; not used in Lambda",
    )
    forwarding_proxies: Annotated[tuple[Network, ...], BeforeValidator(entries)] = Field(
        (),
        alias="FORWARDING_PROXIES",
        description="networks (CIDRs, separated by commas) of proxies of which only `X-Forwarded-For` is accepted,"
        " such as a load balancer's subnets; `TRUSTED_PROXIES` need not be repeated here; not used in"
        " Lambda",
    )
    gateway_secret: Secrets = Field(
        (),
        alias="GATEWAY_SECRET",
        description="value of `X-Gateway-Secret` with which a gateway's `X-User-ID` is accepted from any address; one"
        " or several, separated by commas, each of at least 16 characters or a Secrets Manager ARN",
    )
    iam_session_is_user: bool = Field(
        False,
        alias="IAM_SESSION_IS_USER",
        description="in Lambda with IAM: whether the session name of a role, which the caller chooses, is part of the"
        " user's id; otherwise all sessions of a role are one user",
    )
    ticket_secret: Secrets = Field(
        (),
        alias="TICKET_SECRET",
        description="key of the tickets for browsers, in the format of `GATEWAY_SECRET`: the first encrypts, all"
        " decrypt; without it no tickets are issued",
    )
    ticket_lifetime: Seconds = Field(
        900, alias="TICKET_LIFETIME", description="lifetime in seconds of a ticket and of the streams that it opens"
    )
    cors_origins: Annotated[tuple[Origin, ...], BeforeValidator(entries)] = Field(
        (),
        alias="CORS_ORIGINS",
        description="other origins whose pages may read the stream, separated by commas; * for all",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", alias="LOG_LEVEL", description="minimum level of log lines"
    )
    log_format: Literal["json", "text"] = Field("json", alias="LOG_FORMAT", description="`json`, or `text` for people")
    metrics: Literal["none", "emf"] = Field(
        "none",
        alias="METRICS",
        description="`emf`: CloudWatch metrics in the Embedded Metric Format on stdout; logs are on stderr",
    )
    metrics_interval: float = Field(
        60,
        alias="METRICS_INTERVAL",
        ge=10,
        le=60,
        allow_inf_nan=False,
        description="seconds between the metric lines of a container",
    )
    deployment_name: DeploymentName = Field(
        "sentiment",
        alias="DEPLOYMENT_NAME",
        description="value of `Deployment`, the only dimension of the metrics, and prefix of the name in traces;"
        " distinguishes deployments in one account",
    )
    tracing: Literal["none", "xray"] = Field(
        "none",
        alias="TRACING",
        description="`xray`: sends segments of requests and messages to the X-Ray daemon at `AWS_XRAY_DAEMON_ADDRESS`",
    )

    function_name: str | None = Field(
        None,
        alias="AWS_LAMBDA_FUNCTION_NAME",
        description="set by Lambda only; the process is a function, frozen between requests",
    )

    @field_validator("topic_arn")
    @classmethod
    def _topic_where_needed(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is None and info.data.get("intake") == "push":
            raise PydanticCustomError("missing", "not set")
        return value

    @property
    def in_lambda(self) -> bool:
        """Whether the process is a Lambda function."""
        return self.function_name is not None

    @property
    def per_user(self) -> int:
        """Maximum number of streams of one user."""
        return self.max_per_client or _PER_USER

    @property
    def knows_addresses(self) -> bool:
        """Whether the forwarding proxies are known, so that an address is a client's and not a load balancer's."""
        return not self.in_lambda and bool(self.forwarding_proxies or self.trusted_proxies)

    @property
    def per_address(self) -> int | None:
        """Maximum number of streams of one address, without those of identified users; None: unlimited."""
        return self.max_per_address or self.max_per_client or (_PER_ADDRESS if self.knows_addresses else None)

    @property
    def openings(self) -> float | None:
        """Streams that one address may open per second; None: unlimited."""
        return self.max_openings or (_OPENINGS if self.knows_addresses else None)

    @property
    def openings_at_once(self) -> int:
        """Streams that one address may open at once."""
        return max(math.ceil(_BURST_SECONDS * (self.openings or 0)), self.per_address or 0)

    @property
    def reserved(self) -> int:
        """Number of streams that are reserved for identified users."""
        identifies = bool(self.gateway_secret or (self.trusted_proxies and not self.in_lambda))
        return self.max_connections * self.reserved_percent // 100 if identifies else 0


_IN_LAMBDA = {
    "SSE_INTAKE": "poll",  # a frozen environment cannot keep a queue
    "SSE_DRAIN_WINDOW": "0",  # no client is connected when it is stopped, and it is killed half a second later
    "SSE_WINDOW_FILL": "0",  # it would read a day of items for one stream
}
"""Defaults in Lambda."""


def read(environment: Mapping[str, str]) -> Settings:
    """Reads the settings. Raises SettingsError with every mistake. An empty value counts as unset."""
    given = {key: value for key, value in environment.items() if value != ""}
    if "AWS_LAMBDA_FUNCTION_NAME" in given:
        given = _IN_LAMBDA | given
    try:
        return Settings.model_validate({key: given[key] for key in keys() if key in given})
    except ValidationError as error:
        raise SettingsError([_mistake(item, given) for item in error.errors()]) from None


def keys() -> list[str]:
    """All keys, in the order of the docs."""
    return [field.alias for field in Settings.model_fields.values() if field.alias]


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Warnings of unknown keys that start with `SSE_`, with the closest known key. They are no errors, so that an older
    version starts with a newer one's environment after a rollback."""
    known = keys()
    strangers = sorted(key for key in environment if key.startswith("SSE_") and key not in known)
    return [f"{key}: not a setting{_suggestion(key, known)}" for key in strangers]


_SECRETS = ("GATEWAY_SECRET", "TICKET_SECRET")
"""Settings whose values are in no message."""


def _suggestion(key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _mistake(item: Any, given: Mapping[str, str]) -> str:
    named = item["loc"][0]  # by its alias where it was given, else by its own name
    field = next(field for name, field in Settings.model_fields.items() if named in (field.alias, name))
    key = field.alias or ""
    if item["type"] == "missing":
        return f"{key}: not set; it is the {field.description}"
    message = item["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if message != item["msg"] and not item["msg"].startswith("Value error"):
        message = f"give {message}"
    shown = key if key in _SECRETS else f"{key}={given.get(key, '')!r}"
    return f"{shown}: {message} ({field.description})"
