"""REST without streams: the Lambda behind a BUFFERED Function URL, and the schedule that runs the reaper.

Entry point: `streamer.rest.handler`. It takes
- a request of a Function URL (payload 2.0): answered as the streaming service would, streams apart;
- `{"prune": {}}`, what the schedule has as its input (`{"prune": {"all": false, "dry_run": true, "limit": 50}}`
  likewise), or an EventBridge rule's own event (`{"source": "aws.events", …}`): one run of the reaper;
- `{"prune": {}}` with Terraform's `tf` beside it (`aws_lambda_invocation` with `lifecycle_scope = "CRUD"`): when
  Terraform destroys the deployment all its queues go, the living too; when it makes or changes it, nothing is done.

Unlike a Function URL's request, all but the first need the right to invoke the function.
"""

from __future__ import annotations

import functools
import logging
import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from streamer.clock import wall_ms
from streamer.errors import SettingsError, StreamerError

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from streamer.intake.reaper import Report
    from streamer.settings import Settings

logger = logging.getLogger(__name__)

_AT_THE_END: Final = 500
"""Queues that a destroyed deployment leaves at most: a minute's work."""

_EXPECTED: Final = (
    'REST expects a request of a Function URL (payload 2.0), a schedule\'s {"prune": {}}, with all, dry_run (true or '
    'false) and limit (1 or more) if wanted, or an EventBridge rule\'s event ({"source": "aws.events", …})'
)


class UnexpectedEvent(StreamerError):
    """The function was invoked by something that it is not for."""


def handler(event: object, context: object) -> dict[str, Any]:
    """Answers one invocation: a Function URL's response, or what the reaper did:
    `{"removed": 2, "left": 5, "failed": 0, …, "fates": [{"kind", "name", "outcome", "reason"}, …]}`.

    Raises SettingsError, UnexpectedEvent, or botocore's errors if queues or subscriptions cannot be listed.
    """
    match event:
        case {"version": "2.0", "requestContext": {"http": dict()}}:
            answer: dict[str, Any] = _served()(event, context)
            return answer
        case {"prune": dict(), "tf": {"action": "create" | "update"}}:
            return {}
        case {"prune": dict(options), "tf": {"action": "delete"}}:
            return _prune({"all": True, "limit": _AT_THE_END, **options})
        case {"prune": dict(options)}:
            return _prune(options)
        case {"source": "aws.events"}:
            return _prune({})
        case _:
            raise UnexpectedEvent(f"{_described(event)}; {_EXPECTED}")


def build(settings: Settings) -> ASGIApp:
    """The application. It takes no connection before the first request."""
    import threading

    from streamer import aws
    from streamer.secrets import Secrets
    from streamer.tables.lane import Configurations, Connection, Lane, Snapshot, public_lane
    from streamer.tables.sentiment import SentimentTable
    from streamer.tally import Tally
    from streamer.web.app import Readiness, RestPart, create_app
    from streamer.web.identity import Identity

    gateway = Secrets("GATEWAY_SECRET", settings.gateway_secret)
    gateway.read()
    lane, public, connection = Lane(), public_lane(), Connection(aws.connect_table)
    users = settings.users_table
    tally = Tally(lambda: SentimentTable(connection(), settings.sentiment_table, threading.Event()))
    return create_app(
        RestPart(
            identify=Identity(gateway=gateway, in_lambda=True, sessions=settings.iam_session_is_user).user,
            configurations=None if users is None else Configurations(lane, connection, users),
            snapshot=Snapshot(public, connection, settings.sentiment_table),
            count=lambda: public(tally.metrics),
        ),
        readiness=lambda: Readiness(True, "REST has nothing to wait for"),
        cors_origins=settings.cors_origins,
    )


@functools.cache
def _settings() -> Settings:
    """Read by the first invocation. An error is not kept."""
    from streamer import settings
    from streamer.telemetry.logs import configure

    read = settings.read(os.environ)
    configure(read.log_level, read.log_format)
    logging.getLogger("mangum").setLevel(logging.WARNING)  # it would log each path
    return read


@functools.cache
def _served() -> Callable[[Any, Any], Any]:
    from mangum import Mangum

    text = ["text/", "application/json", "application/problem+json"]
    settings = _settings()
    app = build(settings)
    if settings.tracing != "none":
        from streamer.telemetry import tracing
        from streamer.web.traced import traced

        spans = tracing.build(settings.tracing, settings.deployment_name, in_lambda=True)
        app = traced(app, spans, lambda: os.environ.get("_X_AMZN_TRACE_ID"))  # set anew for each invocation

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    return Mangum(asgi, lifespan="off", text_mime_types=text)


def _prune(options: Mapping[str, object]) -> dict[str, Any]:
    from streamer import aws
    from streamer.intake.reaper import LIMIT, Reaper

    everything, dry_run = options.get("all", False), options.get("dry_run", False)
    limit = options.get("limit", LIMIT)
    known = set(options) <= {"all", "dry_run", "limit"} and isinstance(everything, bool) and isinstance(dry_run, bool)
    if not known or type(limit) is not int or limit < 1:
        raise UnexpectedEvent(f"the options of prune are not right; {_EXPECTED}")
    settings = _settings()
    if settings.topic_arn is None:
        raise SettingsError(["CHANGES_TOPIC_ARN: not set; it names the topic whose queues are looked after"])
    clients = aws.connect(settings.receive_wait)
    try:
        reaper = Reaper(clients, settings.topic_arn, settings.queue_prefix)
        report = reaper.prune(everything=everything is True, dry_run=dry_run is True, limit=limit)
    finally:
        clients.close()
    said = _reported(report)
    level = logging.WARNING if report.those("failed") else logging.INFO
    logger.log(level, "queues pruned", extra={name: count for name, count in said.items() if name != "fates"})
    if settings.metrics == "emf":
        from streamer.telemetry.emf import encode

        for line in encode(_counted(report), deployment=settings.deployment_name, at_ms=wall_ms()):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return said


def _counted(report: Report) -> dict[str, float]:
    """By the names of the metrics' catalogue."""
    removed = [fate.kind for fate in report.those("removed")]
    return {
        "queues_found": sum(fate.kind == "queue" for fate in report.fates),
        "queues_dead": report.dead,
        "queues_removed": removed.count("queue"),
        "queues_failed": len(report.those("failed")),
        "subscriptions_removed": removed.count("subscription"),
    }


def _reported(report: Report) -> dict[str, Any]:
    outcomes: dict[str, Any] = {
        outcome.replace(" ", "_"): len(report.those(outcome))
        for outcome in ("removed", "would be removed", "left", "failed")
    }
    fates = [
        {"kind": fate.kind, "name": fate.name, "outcome": fate.outcome, "reason": fate.reason} for fate in report.fates
    ]
    return {**outcomes, "fates": fates}


def _described(event: object) -> str:
    if not isinstance(event, dict):
        return f"the event is a {type(event).__name__}"
    return f"the event has the members {sorted(map(str, event))[:10]}"
