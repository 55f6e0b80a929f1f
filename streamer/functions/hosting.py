"""What differs between a container and a function: objects in place of a question that is asked everywhere."""

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
    """Where the service runs."""

    sleeps: bool
    """Whether the process is frozen between requests: what it knows may be old, and it counts nothing meanwhile."""

    def identity(self, settings: Settings, gateway: Secrets) -> CallerIdentity:
        """What may say who a caller is."""

    def tracing(self, settings: Settings) -> Tracing:
        """What records spans. Raises SettingsError."""

    def application(self, app: ASGIApp, ended: Callable[[], None]) -> ASGIApp:
        """The application as it is served. `ended` may be called at each stream's end."""


class Container:
    """A process that runs until it is told to stop."""

    sleeps = False

    def identity(self, settings: Settings, gateway: Secrets) -> CallerIdentity:
        """By the gateway's secret, or the socket's peer."""
        return Identity(settings.trusted_proxies, gateway, forwarders=settings.forwarding_proxies)

    def tracing(self, settings: Settings) -> Tracing:
        """Each span is a segment."""
        return tracing.build(settings.tracing, settings.deployment_name, in_lambda=False)

    def application(self, app: ASGIApp, ended: Callable[[], None]) -> ASGIApp:
        """As it is; what `ended` does is done by the clock."""
        return app


class Function:
    """A Lambda function behind the Lambda Web Adapter."""

    sleeps = True

    def identity(self, settings: Settings, gateway: Secrets) -> CallerIdentity:
        """By the gateway's secret, or IAM."""
        return LambdaIdentity(gateway, sessions=settings.iam_session_is_user)

    def tracing(self, settings: Settings) -> Tracing:
        """Each span is a subsegment of the platform's segment."""
        return tracing.build(settings.tracing, settings.deployment_name, in_lambda=True)

    def application(self, app: ASGIApp, ended: Callable[[], None]) -> ASGIApp:
        """Streams leave before the function ends, and end by a complete response."""
        return LambdaAdapter(app, ended)


def hosting(settings: Settings) -> Hosting:
    """Where the settings say that this process runs."""
    return Function() if settings.in_lambda else Container()
