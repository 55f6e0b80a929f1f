"""One configuration's stream, and the tickets that open it for who can send no header.

Who asks is decided first: by a ticket if there is one, and by it alone; else as everywhere. Then what is not theirs is
not there, as in REST: one lookup, one 404.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer.change import iso_time
from streamer.configuration import CONFIG_ID
from streamer.errors import RequestError
from streamer.web import configurations, parameters
from streamer.web.configurations import Configurations, Identify, not_found
from streamer.web.query import known
from streamer.web.stream import StreamDoor, Subject
from streamer.web.tickets import Tickets

PATH: Final = configurations.PATH + "/{config_id}/stream"
TICKETS: Final = PATH + "/tickets"

Address = Callable[[Request], str | None]
"""Where a request is from, as far as it can be known; must not block."""


def install(
    app: FastAPI,
    door: StreamDoor,
    identify: Identify,
    address: Address,
    tickets: Tickets,
    given: Configurations | None,
    history_seconds: float,
) -> None:
    """Adds the routes. Without configurations each is a 404, for whoever is known."""

    async def stream(request: Request) -> Response:
        config_id, deadline_ms = request.path_params["config_id"], None
        borne = request.query_params.getlist("ticket")
        if borne:
            ticket = await tickets.take(borne, config_id)
            user_id, deadline_ms = ticket.user_id, ticket.deadline_ms
        else:
            user_id = identify(request)
        _check(config_id)
        asked = parameters.parse(request.query_params, request.headers, history_seconds, names_tickers=False)
        subject = Subject(user_id, config_id, deadline_ms)
        return door.response(asked, subject=subject, user=user_id, address=address(request))

    async def mint(request: Request) -> Response:
        user_id, config_id = identify(request), request.path_params["config_id"]
        known(request.query_params)
        _check(config_id)
        found = None if given is None else await given.get(user_id, config_id)
        if found is None or found.shows is None:
            not_found()
        ticket, deadline_ms = tickets.give(user_id, config_id)
        members = {
            "ticket": ticket,
            "expires_at": iso_time(deadline_ms),
            "stream": f"{PATH.format(config_id=config_id)}?ticket={ticket}",
        }
        return JSONResponse(members, 201, configurations.NO_STORE)

    app.router.add_route(PATH, stream, methods=["GET"], include_in_schema=False)  # HEAD too; nothing is injected
    app.add_api_route(TICKETS, mint, methods=["POST"], include_in_schema=False)


def install_nowhere(app: FastAPI) -> None:
    """Where no streams are served, and so no tickets."""

    async def elsewhere(_: Request) -> Response:
        raise RequestError(404, "Streams are not served here, but by the streaming service.")

    app.add_api_route(PATH, elsewhere, methods=["GET"], include_in_schema=False)
    app.add_api_route(TICKETS, elsewhere, methods=["POST"], include_in_schema=False)


def _check(config_id: str) -> None:
    if not CONFIG_ID.fullmatch(config_id):
        not_found()
