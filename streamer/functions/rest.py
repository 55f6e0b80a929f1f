"""The REST function: the API without streams and tickets, behind a BUFFERED Function URL or a load balancer.

Its entry point is `streamer.rest.handler`, which accepts requests of a Function URL (payload 2.0) and of an Application
Load Balancer whose target group passes all values of headers. It has no other task, because its URL is public:
`streamer.functions.reaper` deletes queues."""

from __future__ import annotations

import functools
import logging
import os
import re
from typing import TYPE_CHECKING, Any, Final

from streamer.errors import UnexpectedEvent, describe_event
from streamer.functions.environment import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Receive, Scope, Send

    from streamer.settings import Settings

_EXPECTED: Final = (
    "the REST function expects a request of a Function URL (payload 2.0), or of a load balancer's target group with"
    " multi-value headers"
)
_BAD_HOST: Final = {
    "statusCode": 400,
    "multiValueHeaders": {"content-type": ["text/plain; charset=utf-8"], "cache-control": ["no-store"]},
    "body": "The header Host is malformed.\n",
    "isBase64Encoded": False,
}
_HOST: Final = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?")


def handler(event: object, context: object) -> dict[str, Any]:
    """Returns the response for a Function URL or a load balancer. Raises SettingsError or UnexpectedEvent."""
    match event:
        case {"requestContext": {"elb": dict()}, "multiValueHeaders": {"host": [*hosts]}} if not all(
            isinstance(host, str) and _HOST.fullmatch(host) for host in hosts
        ):
            return _BAD_HOST  # a load balancer passes on any Host; Mangum fails at these
        case {"version": "2.0", "requestContext": {"http": dict()}} | {
            "requestContext": {"elb": dict()},
            "multiValueHeaders": dict(),
        }:
            response: dict[str, Any] = _mangum()(event, context)
            return response
        case _:
            raise UnexpectedEvent(f"{describe_event(event)}; {_EXPECTED}")


def build(settings: Settings) -> ASGIApp:
    """Builds the application. It opens no connection before the first request."""
    from streamer.aws.clients import TableClient
    from streamer.aws.secrets import Secrets
    from streamer.aws.worker import Worker
    from streamer.functions.identity import LambdaIdentity
    from streamer.tables.configurations import ConfigurationTable
    from streamer.tables.counts import Counts
    from streamer.tables.retry import TableCalls
    from streamer.tables.sentiment import SentimentTable
    from streamer.tables.series import SeriesTable
    from streamer.tables.snapshot import SnapshotTable
    from streamer.web.app import RestPart, create_app
    from streamer.web.health import Readiness

    gateway = Secrets("GATEWAY_SECRET", settings.gateway_secret)
    gateway.read()
    client = TableClient()
    private = TableCalls(Worker("tables", threads=8, limit=200), client)
    public = TableCalls(Worker("snapshots", threads=4, limit=100), client)
    users, sentiment = settings.users_table, SentimentTable(public, settings.sentiment_table)
    return create_app(
        RestPart(
            identity=LambdaIdentity(gateway, sessions=settings.iam_session_is_user),
            configurations=None if users is None else ConfigurationTable(private, users),
            snapshot=SnapshotTable(public, settings.sentiment_table),
            count=Counts(sentiment).metrics,
            series=SeriesTable(sentiment),
        ),
        readiness=lambda: Readiness(True, "the REST function is always ready"),
        cors_origins=settings.cors_origins,
        operators=settings.operators,
    )


@functools.cache
def _mangum() -> Callable[[Any, Any], Any]:
    from mangum import Mangum

    text = ["text/", "application/json", "application/problem+json"]
    settings = load_settings()
    logging.getLogger("mangum").setLevel(logging.WARNING)  # its INFO lines contain each path
    app = build(settings)
    if settings.tracing != "none":
        from streamer.telemetry import tracing
        from streamer.web.traced import traced

        spans = tracing.build(settings.tracing, settings.deployment_name, in_lambda=True)
        app = traced(app, spans, lambda: os.environ.get("_X_AMZN_TRACE_ID"))  # set by Lambda for each invocation

    async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)

    return Mangum(asgi, lifespan="off", text_mime_types=text)
