"""The service's settings, read from the environment once. A test compares them with the table in docs/settings.md."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from streamer.errors import SettingsError
from streamer.setting_mistakes import mistake
from streamer.setting_values import (
    Age,
    Count,
    DeploymentName,
    Networks,
    Origins,
    Percent,
    QueuePrefix,
    QueueTags,
    Rate,
    Seconds,
    Secrets,
    SentimentTableName,
    Topic,
    UsersTableName,
)

_PER_USER = 10  # a few dashboards in a few tabs, and reconnects before the service notices the end of the old stream
_PER_ADDRESS = 20  # a small office
_OPENINGS = 5.0  # per second
_BURST_SECONDS = 4  # of openings at once: all clients of an office reconnect at the same time


class Settings(BaseModel):
    """The alias of a field is its key in the environment. The descriptions are also in docs/settings.md."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, hide_input_in_errors=True)

    sentiment_table: SentimentTableName = Field(alias="SENTIMENT_TABLE", description="table whose changes are streamed")
    intake: Literal["push", "poll"] = Field(
        "push",
        alias="SSE_INTAKE",
        description="source of changes: `push` (the container's own queue, checked by queries of the table) or `poll`"
        " (only the queries; needs no queue and no topic); the default is `poll` in Lambda",
    )
    topic_arn: Topic | None = Field(
        None,
        alias="CHANGES_TOPIC_ARN",
        validate_default=True,
        description="topic that the relay publishes to; required unless `SSE_INTAKE=poll`",
    )
    users_table: UsersTableName | None = Field(
        None, alias="USERS_TABLE", description="table of the users' configurations; unset: every configuration is a 404"
    )
    queue_prefix: QueuePrefix = Field(
        "sentiment-stream", alias="QUEUE_PREFIX", description="prefix of the names of the containers' queues"
    )
    queue_tags: QueueTags = Field(
        (),
        alias="QUEUE_TAGS",
        description="tags of the containers' queues beside the service's own (`service`, `topic`, `heartbeat`), as a"
        ' JSON object: `{"team": "news"}`; for policies that require tags at creation',
    )
    host: str = Field(
        "127.0.0.1", alias="SSE_HOST", min_length=1, description="address to listen on; use 0.0.0.0 in a container"
    )
    port: int = Field(8080, alias="SSE_PORT", ge=0, le=65_535, description="port to listen on; 0 selects a free one")
    max_connections: Count = Field(
        100,
        alias="SSE_MAX_CONNECTIONS",
        description="maximum number of open streams, then 503; the limit of open files (`ulimit -n`) must be at least"
        " this value + 128",
    )
    max_per_client: Count | None = Field(
        None,
        alias="SSE_MAX_PER_CLIENT",
        description="maximum number of open streams per user, then 429; unset: 10. It is also the default of"
        " `SSE_MAX_PER_ADDRESS`",
    )
    max_per_address: Count | None = Field(
        None,
        alias="SSE_MAX_PER_ADDRESS",
        description="maximum number of open anonymous streams per address, then 429; unset: `SSE_MAX_PER_CLIENT` if it"
        " is set, else 20 if `FORWARDING_PROXIES` or `TRUSTED_PROXIES` is set, else unlimited, because clients behind"
        " an unknown load balancer cannot be told apart",
    )
    max_openings: Rate | None = Field(
        None,
        alias="SSE_OPENINGS_PER_ADDRESS",
        description="anonymous streams that one address may open per second on average, then 429; the burst is four"
        " times this value, but not less than the maximum of open streams per address; unset: 5 if"
        " `FORWARDING_PROXIES` or `TRUSTED_PROXIES` is set, else unlimited",
    )
    reserved_percent: Percent = Field(
        20,
        alias="SSE_RESERVED_FOR_USERS",
        description="percentage of `SSE_MAX_CONNECTIONS` that is reserved for identified users; has an effect only if"
        " `GATEWAY_SECRET` or `TRUSTED_PROXIES` is set, because otherwise no user is identified",
    )
    snapshot_queries: Rate = Field(
        50,
        alias="SSE_SNAPSHOT_QUERIES",
        description="queries of the table per second by `GET /api/v2/sentiment`, for all callers together, then 503;"
        " the burst is eight times this value; not used in the REST function, which is limited by its concurrency",
    )
    keep_alive: Seconds = Field(
        75,
        alias="SSE_KEEP_ALIVE",
        description="seconds for which an idle connection is kept; must exceed the idle timeout of a load balancer in"
        " front, which otherwise may send a request on a connection that the service is closing",
    )
    heartbeat_interval: Seconds = Field(
        30, alias="SSE_HEARTBEAT_INTERVAL", description="seconds between heartbeats on a stream"
    )
    ping_interval: Seconds = Field(
        15,
        alias="SSE_PING_INTERVAL",
        description="seconds without data after which a comment line is sent; keep it below the proxies' idle timeout",
    )
    lifetime: Seconds = Field(
        900, alias="SSE_LIFETIME", description="maximum seconds of a stream; each gets a random 80 to 100 % of it"
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
        description="maximum number of items in memory for ordering and for the 24 h counts, about 1.1 kB each; for"
        " ordering, items of the last hour are kept above this number",
    )
    receive_wait: int = Field(
        10, alias="SSE_RECEIVE_WAIT", ge=1, le=20, description="seconds of an SQS long poll (`WaitTimeSeconds`)"
    )
    canary_timeout: Seconds = Field(
        150,
        alias="SSE_CANARY_TIMEOUT",
        description="seconds without a message after which push counts as broken; must exceed twice the interval of the"
        " canaries, the test messages that the relay sends every minute",
    )
    poll_interval: Seconds = Field(
        5,
        alias="SSE_POLL_INTERVAL",
        description="seconds between queries of the table while push is broken or not used",
    )
    verify_interval: Seconds = Field(
        15, alias="SSE_VERIFY_INTERVAL", description="seconds between queries of the table that verify push"
    )
    lookback: Age = Field(
        180,
        alias="SSE_LOOKBACK",
        description="maximum age in seconds, by `timestamp`, of the items that a query reads; must exceed 120 s:"
        " an item's changes are guaranteed for 120 s after its `timestamp`",
    )
    catchup: Age = Field(
        3_600,
        alias="SSE_CATCHUP",
        description="maximum age in seconds of the items that the service reads once when push works again, to find"
        " late changes",
    )
    proof_margin: float = Field(
        10,
        alias="SSE_PROOF_MARGIN",
        ge=0,
        le=120,
        allow_inf_nan=False,
        description="seconds subtracted from the watermark (the time in event ids), for the index's replication lag and"
        " clock skew",
    )
    window_fill: float = Field(
        86_400,
        alias="SSE_WINDOW_FILL",
        ge=0,
        le=86_400,
        description="maximum age in seconds of the items that are read after start for the 24 h counts; 0, as in"
        " Lambda: only changes after the start are counted",
    )
    ready_after: Seconds = Field(
        10, alias="SSE_READY_AFTER", description="seconds after which the service is ready even without the table"
    )
    trusted_proxies: Networks = Field(
        (),
        alias="TRUSTED_PROXIES",
        description="networks (CIDRs, separated by commas) of proxies whose `X-Forwarded-For` is accepted and, if"
        " `GATEWAY_SECRET` is unset, whose `X-User-ID` is accepted; never list a load balancer that forwards headers"
        " from the internet; not used in Lambda",
    )
    forwarding_proxies: Networks = Field(
        (),
        alias="FORWARDING_PROXIES",
        description="networks (CIDRs, separated by commas) of proxies of which only `X-Forwarded-For` is accepted, such"
        " as a load balancer's subnets, in addition to `TRUSTED_PROXIES`; not used in Lambda",
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
        description="in Lambda with IAM: `true` makes each session name of a role, which the caller chooses, a separate"
        " user; `false` makes all sessions of a role one user",
    )
    ticket_secret: Secrets = Field(
        (),
        alias="TICKET_SECRET",
        description="key of the tickets for browsers, in the format of `GATEWAY_SECRET`: new tickets are encrypted with"
        " the first key, tickets of all keys are accepted; if unset, no tickets are issued",
    )
    ticket_lifetime: Seconds = Field(
        900, alias="TICKET_LIFETIME", description="lifetime in seconds of a ticket and of the streams that it opens"
    )
    cors_origins: Origins = Field(
        (), alias="CORS_ORIGINS", description="origins whose pages may read the API, separated by commas; * for all"
    )
    frame_ancestors: Origins = Field(
        (),
        alias="PAGE_FRAME_ANCESTORS",
        description="origins whose pages may embed the dashboard (`?embed=board`, `chart` or `feed`), separated by"
        " commas; * for all; unset: none",
    )
    operators: Networks = Field(
        (),
        alias="OPERATOR_NETWORKS",
        description="networks (CIDRs, separated by commas; IPv6: /64 or wider) of the clients that may read"
        " `/api/v2/stream/status`, `/docs` and `/openapi.json`, which are a 404 to others; clients behind proxies are"
        " known by `FORWARDING_PROXIES`; unset: everyone",
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
    metrics_token: Secrets = Field(
        (),
        alias="METRICS_TOKEN",
        description="token that opens `GET /metrics` to Prometheus (`Authorization: Bearer`), in the format of"
        " `GATEWAY_SECRET`; if neither it nor `METRICS_NETWORKS` is set, and in Lambda, `/metrics` is a 404",
    )
    metrics_networks: Networks = Field(
        (),
        alias="METRICS_NETWORKS",
        description="networks (CIDRs, separated by commas) whose peers may read `GET /metrics` without a token;"
        " requests that `TRUSTED_PROXIES` and `FORWARDING_PROXIES` forward need the token",
    )
    deployment_name: DeploymentName = Field(
        "sentiment",
        alias="DEPLOYMENT_NAME",
        description="value of `Deployment`, the only dimension of the metrics, and prefix of the name in traces;"
        " distinguishes deployments in one account",
    )
    tracing: Literal["none", "xray", "otlp"] = Field(
        "none",
        alias="TRACING",
        description="`otlp`: sends spans of requests and messages to the OpenTelemetry collector at"
        " `OTEL_EXPORTER_OTLP_ENDPOINT` (the extra `otlp`; not in Lambda). `xray`: sends them as segments to the X-Ray"
        " daemon at `AWS_XRAY_DAEMON_ADDRESS`",
    )

    function_name: str | None = Field(
        None,
        alias="AWS_LAMBDA_FUNCTION_NAME",
        description="set by Lambda; do not set it. The service uses it to detect that it runs in Lambda",
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
        """Whether proxies are configured, so that an address is a client's and not a load balancer's."""
        return not self.in_lambda and bool(self.forwarding_proxies or self.trusted_proxies)

    @property
    def per_address(self) -> int | None:
        """Maximum number of anonymous streams of one address; None: unlimited."""
        return self.max_per_address or self.max_per_client or (_PER_ADDRESS if self.knows_addresses else None)

    @property
    def openings(self) -> float | None:
        """Number of anonymous streams that one address may open per second; None: unlimited."""
        return self.max_openings or (_OPENINGS if self.knows_addresses else None)

    @property
    def openings_at_once(self) -> int:
        """Number of anonymous streams that one address may open at once."""
        return max(math.ceil(_BURST_SECONDS * (self.openings or 0)), self.per_address or 0)

    @property
    def reserved(self) -> int:
        """Number of streams that are reserved for identified users."""
        identifies = bool(self.gateway_secret or (self.trusted_proxies and not self.in_lambda))
        return self.max_connections * self.reserved_percent // 100 if identifies else 0


_IN_LAMBDA = {
    "SSE_INTAKE": "poll",  # a frozen environment cannot keep a queue
    "SSE_DRAIN_WINDOW": "0",  # at shutdown no client is connected, and Lambda kills the process half a second later
    "SSE_WINDOW_FILL": "0",  # the function would read the items of a day for one stream
}
"""Defaults in Lambda."""


def read(environment: Mapping[str, str]) -> Settings:
    """Reads the settings. Raises SettingsError with all mistakes. An empty value counts as unset."""
    given = {key: value for key, value in environment.items() if value != ""}
    if "AWS_LAMBDA_FUNCTION_NAME" in given:
        given = _IN_LAMBDA | given
    try:
        return Settings.model_validate({key: given[key] for key in keys() if key in given})
    except ValidationError as error:
        raise SettingsError([mistake(Settings, item, given) for item in error.errors()]) from None


def keys() -> list[str]:
    """Returns all keys in the order of the docs."""
    return [field.alias for field in Settings.model_fields.values() if field.alias]


def unknown(environment: Mapping[str, str]) -> list[str]:
    """Returns a warning for each unknown key that starts with `SSE_`. Unknown keys are no errors, so that after a
    rollback an older version starts with the environment of a newer one."""
    known = keys()
    warnings = []
    for key in sorted(key for key in environment if key.startswith("SSE_") and key not in known):
        close = difflib.get_close_matches(key, known, n=1)
        warnings.append(f"{key}: not a setting" + (f"; did you mean {close[0]}?" if close else ""))
    return warnings
