"""One configuration's stream, and the tickets that open it for clients that can set no header.

The caller is identified first: by a ticket if there is one, and by nothing else then; otherwise as everywhere. What is
not theirs does not exist for them, as in REST: one lookup, one 404.
"""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, FastAPI, Security
from pydantic import Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer.change import iso_time
from streamer.configuration import CONFIG_ID
from streamer.errors import RequestError
from streamer.web import configurations, parameters, stream
from streamer.web.configuration_models import ID_SCHEMA
from streamer.web.configurations import ConfigurationStore, KnownId, not_found
from streamer.web.identity import CallerIdentity
from streamer.web.operation import STREAM, TIME, Described, UserId, answer, declared_query, get_or_head
from streamer.web.problems import TABLE_AWAY, UNKNOWN_USER, described, malformed
from streamer.web.stream_response import Subject

PATH: Final = configurations.PATH + "/{config_id}/stream"
TICKETS: Final = PATH + "/tickets"

_TICKET_EXAMPLE: Final = "AXh2c0qUq0nq4dVt6yPZ0mXv1w3C5r8uKf2bJg7sLhNQeRtYwZxVbMpOiUaSdFgHjKlQwErTyUiOpA"


class Ticket(Described):
    """A ticket for one configuration's stream."""

    ticket: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})]
    expires_at: Annotated[str, WithJsonSchema(TIME)]
    stream: str = Field(description="Where it is good, relative to this service: for an EventSource.")


def install(app: FastAPI, part: stream.StreamPart, identity: CallerIdentity, given: ConfigurationStore | None) -> None:
    """Adds the routes. Without configurations each is a 404 for an identified caller."""

    caller = UserId(identity)

    @get_or_head(
        app,
        PATH,
        operation_id="configurationStream",
        tags=[STREAM],
        summary="One configuration's tickers as Server-Sent Events",
        description="As the stream of all changes, with the tickers of the configuration. When they change, so does the"
        " open stream: `reset` (`configuration_changed`), which names the new ones, and their history. When the"
        " configuration is deleted or disabled the stream ends with `closing` (`configuration_gone`), and at its"
        " ticket's deadline with `closing` (`ticket_expired`), which is also the only answer to a ticket that has"
        " expired.",
        response_class=Response,
        response_description=stream.OPENED,
        responses={
            **stream.opened("Private"),
            **described(
                401,
                "The caller is not identified by a trusted source; or the ticket is not one of ours for this stream.",
                "Missing user identification",
            ),
            **described(404, "Unknown, deleted, disabled, or another user's.", "Configuration not found"),
            **malformed("tickers: this stream has those of its configuration; leave tickers out"),
            **stream.refused(
                "Every stream is taken; or the table of configurations cannot be reached.",
            ),
        },
        openapi_extra={
            **stream.EVENT_STREAM,
            "security": [{"userId": []}, {"ticket": []}],
            "parameters": [
                {"name": "config_id", "in": "path", "required": True, "schema": ID_SCHEMA},
                *(each for each in parameters.PARAMETERS if each["name"] != "tickers"),
            ],
        },
    )
    async def configuration_stream(request: Request) -> Response:
        config_id, deadline_ms = request.path_params["config_id"], None
        borne = request.query_params.getlist("ticket")
        if borne:
            ticket = await part.tickets.take(borne, config_id)
            user_id, deadline_ms = ticket.user_id, ticket.deadline_ms
        else:
            user_id = identity.user(request)
        if not CONFIG_ID.fullmatch(config_id):
            not_found()
        asked = parameters.parse(request.query_params, request.headers, part.history_seconds, names_tickers=False)
        subject = Subject(user_id, config_id, deadline_ms)
        return part.responder.response(asked, subject=subject, user=user_id, address=identity.address(request))

    @app.post(
        TICKETS,
        operation_id="makeTicket",
        tags=[STREAM],
        summary="Make a ticket for a browser's EventSource",
        description="Its bearer may open this stream, any number of times, until `expires_at`.",
        dependencies=[Security(caller), Depends(declared_query)],  # in this order
        status_code=201,
        response_model=Ticket,
        response_description="It is made.",
        responses={
            **answer(
                {
                    "ticket": _TICKET_EXAMPLE,
                    "expires_at": "2026-11-22T14:33:46.000Z",
                    "stream": f"{PATH.format(config_id='chips')}?ticket={_TICKET_EXAMPLE}",
                },
                status=201,
            ),
            **UNKNOWN_USER,
            **described(
                404,
                "Unknown, deleted, disabled, or another user's; or no tickets are offered here.",
                "Configuration not found",
            ),
            **malformed(),
            **TABLE_AWAY,
        },
    )
    async def make_ticket(config_id: KnownId, user_id: str = Security(caller)) -> Response:
        found = None if given is None else await given.get(user_id, config_id)
        if found is None or found.shows is None:
            not_found()
        ticket, deadline_ms = part.tickets.give(user_id, config_id)
        members = {
            "ticket": ticket,
            "expires_at": iso_time(deadline_ms),
            "stream": f"{PATH.format(config_id=config_id)}?ticket={ticket}",
        }
        return JSONResponse(members, 201, configurations.NO_STORE)


def install_nowhere(app: FastAPI) -> None:
    """Where no streams are served, and so no tickets."""

    async def elsewhere(_: Request) -> Response:
        raise RequestError(404, "Streams are not served here, but by the streaming service.")

    app.add_api_route(PATH, elsewhere, methods=["GET"], include_in_schema=False)
    app.add_api_route(TICKETS, elsewhere, methods=["POST"], include_in_schema=False)
