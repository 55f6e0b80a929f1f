"""The routes of a configuration's stream, and of the tickets that open it for clients that cannot set headers.

The caller is identified first: by the ticket if the request has one, else by the usual headers. An unknown
configuration and another user's are the same 404."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, FastAPI, Security
from pydantic import Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streamer.change import iso_time
from streamer.configuration import CONFIG_ID
from streamer.web import configurations, parameters, stream
from streamer.web.configuration_models import ID_SCHEMA
from streamer.web.configurations import ConfigurationStore, KnownId, not_found
from streamer.web.identity import CallerIdentity
from streamer.web.operation import STREAM, TIME, Described, UserId, declared_query, get_or_head, json_example
from streamer.web.problems import TABLE_AWAY, UNKNOWN_USER, documented, malformed
from streamer.web.stream_response import Subject

PATH: Final = configurations.PATH + "/{config_id}/stream"
TICKETS: Final = PATH + "/tickets"
ROUTES: Final = ((PATH, "GET"), (TICKETS, "POST"))

_TICKET_EXAMPLE: Final = "AXh2c0qUq0nq4dVt6yPZ0mXv1w3C5r8uKf2bJg7sLhNQeRtYwZxVbMpOiUaSdFgHjKlQwErTyUiOpA"


class Ticket(Described):
    """A ticket for one configuration's stream."""

    ticket: Annotated[str, WithJsonSchema({"type": "string", "pattern": "^[A-Za-z0-9_-]+$"})]
    expires_at: Annotated[str, WithJsonSchema(TIME)]
    stream: str = Field(description="URL of the stream with the ticket, relative to this service.")


def install(app: FastAPI, part: stream.StreamPart, identity: CallerIdentity, store: ConfigurationStore | None) -> None:
    """Adds the routes. Without configurations each route is a 404 for an identified caller."""
    _install_stream(app, part, identity)
    _install_tickets(app, part, UserId(identity), store)


def _install_stream(app: FastAPI, part: stream.StreamPart, identity: CallerIdentity) -> None:
    @get_or_head(
        app,
        PATH,
        operation_id="configurationStream",
        tags=[STREAM],
        summary="Stream the changes of one configuration's tickers as Server-Sent Events",
        description="Like the stream of all changes, for the tickers of the configuration. When the tickers change, an"
        " open stream sends `reset` (`configuration_changed`) with the new tickers, then their history. When the"
        " configuration is deleted or disabled, the stream ends with `closing` (`configuration_gone`). When the ticket"
        " expires, the stream ends with `closing` (`ticket_expired`); a request with an expired ticket gets only this"
        " event.",
        response_class=Response,
        response_description=stream.OPENED,
        responses={
            **stream.opened("Private"),
            **documented(
                401,
                "The caller is not identified by a trusted source, or the ticket is not valid for this stream.",
                "Missing user identification",
            ),
            **documented(
                404, "The configuration is unknown, deleted, disabled, or another user's.", "Configuration not found"
            ),
            **malformed(parameters.NO_TICKERS),
            **stream.refused("No stream is free, or the table of configurations cannot be reached."),
        },
        openapi_extra={
            **stream.EVENT_STREAM,
            "security": [{"userId": []}, {"ticket": []}],
            "parameters": [
                {"name": "config_id", "in": "path", "required": True, "schema": ID_SCHEMA},
                *parameters.documented_parameters(part.history_seconds, with_tickers=False),
            ],
        },
    )
    async def configuration_stream(request: Request) -> Response:
        config_id, deadline_ms = request.path_params["config_id"], None
        tickets = request.query_params.getlist("ticket")
        if tickets:
            grant = await part.tickets.check(tickets, config_id)
            user_id, deadline_ms = grant.user_id, grant.deadline_ms
        else:
            user_id = identity.user(request)
        if not CONFIG_ID.fullmatch(config_id):
            not_found()
        parsed = parameters.parse(request.query_params, request.headers, part.history_seconds, with_tickers=False)
        subject = Subject(user_id, config_id, deadline_ms)
        return part.responder.response(parsed, subject=subject, user=user_id, address=identity.address(request))


def _install_tickets(app: FastAPI, part: stream.StreamPart, caller: UserId, store: ConfigurationStore | None) -> None:
    @app.post(
        TICKETS,
        operation_id="makeTicket",
        tags=[STREAM],
        summary="Create a ticket for a browser's EventSource",
        description="A client with the ticket can open this stream any number of times until `expires_at`.",
        dependencies=[Security(caller), Depends(declared_query)],  # in this order
        status_code=201,
        response_model=Ticket,
        response_description="The ticket was created.",
        responses={
            **json_example(
                {
                    "ticket": _TICKET_EXAMPLE,
                    "expires_at": "2026-11-22T14:33:46.000Z",
                    "stream": f"{PATH.format(config_id='chips')}?ticket={_TICKET_EXAMPLE}",
                },
                status=201,
            ),
            **UNKNOWN_USER,
            **documented(
                404,
                "The configuration is unknown, deleted, disabled, or another user's; or the service issues no tickets.",
                "Configuration not found",
            ),
            **malformed(),
            **TABLE_AWAY,
        },
    )
    async def make_ticket(config_id: KnownId, user_id: str = Security(caller)) -> Response:
        found = None if store is None else await store.get(user_id, config_id)
        if found is None or found.shows is None:
            not_found()
        ticket, deadline_ms = part.tickets.issue(user_id, config_id)
        members = {
            "ticket": ticket,
            "expires_at": iso_time(deadline_ms),
            "stream": f"{PATH.format(config_id=config_id)}?ticket={ticket}",
        }
        return JSONResponse(members, 201, configurations.NO_STORE)
