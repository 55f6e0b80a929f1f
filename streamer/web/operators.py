"""Hides the status and the API's documentation from clients outside the operators' networks."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_network
from typing import Final

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send

from streamer.web import stream
from streamer.web.identity import CallerIdentity, Network
from streamer.web.problems import problem

_PATHS: Final = (stream.STATUS, "/openapi.json", "/docs")


class OperatorsOnly:
    """Middleware. To others the paths are a 404, as if there were none; so they are if the client's address is
    unknown."""

    def __init__(self, app: ASGIApp, identity: CallerIdentity, networks: Sequence[Network]) -> None:
        """IPv6 clients are known by their /64 network, so narrower networks match nobody."""
        self.app = app
        self._identity = identity
        self._networks = tuple(networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI 3.0."""
        if scope["type"] == "http" and _is_guarded(scope["path"]) and not self._is_operator(HTTPConnection(scope)):
            hidden = problem(HTTPStatus.NOT_FOUND, HTTPStatus.NOT_FOUND.description)
            await hidden(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def _is_operator(self, request: HTTPConnection) -> bool:
        key = self._identity.address(request)
        if key is None:
            return False
        client = ip_network(key)
        return any(
            client.network_address in network and client.prefixlen >= network.prefixlen for network in self._networks
        )


def _is_guarded(path: str) -> bool:
    return any(path == guarded or path.startswith(f"{guarded}/") for guarded in _PATHS)
