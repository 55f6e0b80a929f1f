"""`GET /metrics`: the metrics of this container for Prometheus, and who may read them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from streamer.aws.secrets import Secrets
from streamer.telemetry.prometheus import OPENMETRICS, TEXT, Values, encode
from streamer.web.identity import Network, header_values, is_one_of, peer_address
from streamer.web.problems import problem

PATH: Final = "/metrics"
CHALLENGE: Final = 'Bearer realm="sentiment-streamer"'


class ScrapeAccess:
    """Decides who may read the metrics: callers with the token, and peers in the networks. Never blocks."""

    def __init__(self, token: Secrets, networks: Sequence[Network], *, proxies: Sequence[Network] = ()) -> None:
        """`proxies`: peers that forward the requests of others, which their address does not authorize."""
        self._token = token
        self._networks = tuple(networks)
        self._proxies = tuple(proxies)

    def __bool__(self) -> bool:
        """Whether anybody may read the metrics."""
        return bool(self._token) or bool(self._networks)

    def refusal(self, request: Request) -> Response | None:
        """Returns the response to a caller who may not read the metrics: 401 if a token exists, else 403."""
        if self._is_near(request) or self._has_token(request):
            return None
        if not self._token:
            return problem(403, "The metrics are not available to this address.")
        return problem(401, "The metrics need a valid token.", headers={"WWW-Authenticate": CHALLENGE})

    def _is_near(self, request: Request) -> bool:
        peer = peer_address(request)
        if peer is None or any(peer in network for network in self._proxies):
            return False
        return any(peer in network for network in self._networks)

    def _has_token(self, request: Request) -> bool:
        given = header_values(request, b"authorization")
        if not self._token or len(given) != 1:
            return False
        scheme, _, token = given[0].partition(b" ")
        return scheme.lower() == b"bearer" and is_one_of(token.strip(), self._token)


def install(app: FastAPI, access: ScrapeAccess, values: Callable[[], Values]) -> None:
    """Adds the route, if anybody may use it. `values` is called for each request and must not block."""
    if not access:
        return

    async def scrape(request: Request) -> Response:
        refusal = access.refusal(request)
        if refusal is not None:
            return refusal
        openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        return Response(
            encode(values(), openmetrics=openmetrics),
            headers={
                "Cache-Control": "no-store",
                "Content-Type": OPENMETRICS if openmetrics else TEXT,
                "Vary": "Accept",
            },
        )

    app.router.add_route(PATH, scrape, methods=["GET"], include_in_schema=False)
