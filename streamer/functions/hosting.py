"""The differences between a container and a Lambda function, as two implementations of one interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from starlette.types import ASGIApp

from streamer.aws.secrets import Secrets
from streamer.functions.adapter import LambdaAdapter
from streamer.functions.identity import LambdaIdentity
from streamer.settings import Settings
from streamer.telemetry import tracing
from streamer.telemetry.tracing import Tracing
from streamer.web.identity import CallerIdentity, Identity


class Hosting(Protocol):
    """The environment of the service."""

    sleeps: bool
    """Whether the process is frozen between requests, so that its data may be old."""

    def identity(self, settings: Settings, gateway: Secrets) -> CallerIdentity:
        """Returns the object that identifies callers."""

    def tracing(self, settings: Settings) -> Tracing:
        """Returns the recorder of spans. Raises SettingsError."""

    def application(self, app: ASGIApp, stream_ended: Callable[[], None]) -> ASGIApp:
        """Returns the application to serve. It may call `stream_ended` at the end of each stream."""


class Container:
    """A process that runs until it gets a signal."""

    sleeps = False

    def identity(self, settings: Settings, gateway: Secrets) -> CallerIdentity:
        """Identifies by the gateway's secret or the socket's peer."""
        return Identity(settings.trusted_proxies, gateway, forwarders=settings.forwarding_proxies)

    def tracing(self, settings: Settings) -> Tracing:
        """Each span is a segment."""
        return tracing.build(settings.tracing, settings.deployment_name, in_lambda=False)

    def application(self, app: ASGIApp, stream_ended: Callable[[], None]) -> ASGIApp:
        """Returns `app`. Metrics are written by a timer instead of `stream_ended`."""
        return app


class Function:
    """A Lambda function behind the Lambda Web Adapter."""

    sleeps = True

    def identity(self, settings: Settings, gateway: Secrets) -> CallerIdentity:
        """Identifies by the gateway's secret or IAM."""
        return LambdaIdentity(gateway, sessions=settings.iam_session_is_user)

    def tracing(self, settings: Settings) -> Tracing:
        """Each span is a subsegment of the platform's segment."""
        return tracing.build(settings.tracing, settings.deployment_name, in_lambda=True)

    def application(self, app: ASGIApp, stream_ended: Callable[[], None]) -> ASGIApp:
        """Ends streams before the function's deadline, with complete responses."""
        return LambdaAdapter(app, stream_ended)


def hosting(settings: Settings) -> Hosting:
    """Returns the environment of this process."""
    return Function() if settings.in_lambda else Container()
