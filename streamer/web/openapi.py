"""The API's description (OpenAPI 3.2), written out from the same values as the routes use.

FastAPI's own would describe what a handler's signature says: no event, no header, no problem. A contract test holds
this one to the routes, and schemathesis the routes to it. The events are the `itemSchema` of a stream.
https://spec.openapis.org/oas/v3.2.0.html#sequential-media-types
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from types import NoneType, UnionType
from typing import Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from streamer import __version__
from streamer.change import LABELS
from streamer.configuration import CONFIG_ID, MAX_CONFIGURATIONS, MAX_NAME, MAX_TICKERS
from streamer.sse import events
from streamer.web import body, configuration_stream, configurations, metrics, parameters, snapshot
from streamer.web.problems import MEDIA_TYPE

Schema = dict[str, Any]

_TICKER: Final = {"type": "string", "pattern": r"^[A-Z0-9.^=-]{1,12}$"}
_TIME: Final = {"type": "string", "format": "date-time"}
_FIELDS: Final[Mapping[str, Schema]] = {
    "mode": {"type": "string", "enum": ["push", "poll", "both", "down"]},
    "label": {"type": "string", "enum": sorted(LABELS)},
    "ticker": _TICKER,
    "version": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$", "description": "Equal versions show the same."},
    "score": {"type": "number", "minimum": -1, "maximum": 1},
    "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
}
"""What a type alone does not say."""

_EVENTS: Final[Mapping[type[events.Event], tuple[bool, str]]] = {
    events.Connected: (False, "first"),
    events.Reset: (False, "the place asked for is not covered, or the configuration has changed"),
    events.SentimentUpdate: (True, "an item's visible state changed; one event for each of its tickers"),
    events.SentimentWithdrawn: (True, "an item has no visible state under this ticker any more"),
    events.Metrics: (True, "after the replay, on change (at most one a second), and at least every 60 s"),
    events.Heartbeat: (True, "after the replay, then every 30 s"),
    events.Closing: (False, "before every planned end"),
}
"""Whether an event has an `id`, and when it comes."""

_OPTIONAL: Final[Mapping[type[events.Event], tuple[str, ...]]] = {events.Reset: ("tickers",)}
"""Members that are left out where there is nothing to say."""

_STREAM: Final = "Stream"
_SNAPSHOT: Final = "Sentiment and counts"
_CONFIGURATIONS: Final = "Configurations"
_HEALTH: Final = "Health"


def write(document: Schema) -> str:
    """As it is served and kept in docs/openapi.json."""
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def document(*, streams: bool = True) -> Schema:
    """The whole description; without `streams` what a buffered Lambda serves."""
    return {
        "openapi": "3.2.0",
        "info": {
            "title": "Sentiment streamer",
            "version": __version__,
            "description": "Changes of a DynamoDB table as Server-Sent Events, and what is needed beside them as REST."
            " Every error is a problem (RFC 9457). docs/events.md says what a stream promises.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "where this description comes from"}],
        "tags": [
            {"name": name} for name in (_STREAM, _SNAPSHOT, _CONFIGURATIONS, _HEALTH) if streams or name != _STREAM
        ],
        "paths": {**(_stream_paths() if streams else {}), **_rest_paths()},
        "components": {
            "schemas": _schemas(streams),
            "headers": _HEADERS,
            "securitySchemes": {
                "userId": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-User-ID",
                    "description": "Set by a gateway, and ignored from anybody who may not set it.",
                },
                **({"ticket": _TICKET} if streams else {}),
            },
        },
    }


_TICKET: Final = {
    "type": "apiKey",
    "in": "query",
    "name": "ticket",
    "description": "For who can set no header. Opens one configuration's stream, until its deadline; given here, it"
    " alone counts.",
}
_HEADERS: Final[Mapping[str, Schema]] = {
    "ETag": {
        "description": "Names this version of the configuration; for If-Match.",
        "schema": {"type": "string", "pattern": '^"[A-Za-z0-9_-]{22}"$'},
        "required": True,
    },
    "Location": {"description": "The new configuration.", "schema": {"type": "string"}, "required": True},
    "Retry-After": {
        "description": "Seconds to wait before the next try.",
        "schema": {"type": "integer", "minimum": 1},
        "required": True,
    },
    "NoStore": {"description": "`no-store`", "schema": {"type": "string", "enum": ["no-store"]}, "required": True},
    "Untransformed": {
        "description": "`no-transform` keeps compressors from holding events back.",
        "schema": {"type": "string", "enum": ["no-cache, no-transform"]},
        "required": True,
    },
    "Private": {
        "description": "The same, for what one user alone may see.",
        "schema": {"type": "string", "enum": ["no-store, no-transform"]},
        "required": True,
    },
}


def _ref(kind: str, name: str) -> Schema:
    return {"$ref": f"#/components/{kind}/{name}"}


def _answer(description: str, schema: str, example: Any, **headers: str) -> Schema:
    return {
        "description": description,
        "headers": {"Cache-Control": _ref("headers", "NoStore")}
        | {name: _ref("headers", name) for name in headers.values()},
        "content": {"application/json": {"schema": _ref("schemas", schema), "example": example}},
    }


def _problem(status: int, description: str, detail: str, *, retry: bool = False, **members: object) -> Schema:
    title = {
        401: "Unauthorized", 404: "Not Found", 409: "Conflict", 412: "Precondition Failed", 413: "Content Too Large",
        415: "Unsupported Media Type", 422: "Unprocessable Content", 428: "Precondition Required",
        429: "Too Many Requests", 503: "Service Unavailable",
    }[status]  # fmt: skip
    return {
        "description": description,
        "headers": {"Cache-Control": _ref("headers", "NoStore")}
        | ({"Retry-After": _ref("headers", "Retry-After")} if retry else {}),
        "content": {
            MEDIA_TYPE: {
                "schema": _ref("schemas", "Problem"),
                "example": {"title": title, "status": status, "detail": detail, **members},
            }
        },
    }


_TABLE_AWAY: Final = {
    "503": _problem(
        503,
        "The table cannot be reached, or asks for patience.",
        "The table cannot be reached now. Try again later.",
        retry=True,
        retry_after=5,
    )
}
_UNKNOWN_USER: Final = {"401": _problem(401, "Nobody who may say so says who asks.", "Missing user identification")}
_NOT_FOUND: Final = {"404": _problem(404, "Unknown, deleted, or another user's.", "Configuration not found")}
_BODY_REFUSED: Final = {
    "413": _problem(413, "The body is too large.", f"The body is larger than {body.MAX_BODY} bytes."),
    "415": _problem(415, "The body is not JSON by its type.", "Send the body as JSON: Content-Type: application/json"),
}
_STALE: Final = {
    "412": _problem(
        412,
        "Somebody else was first: the ETag is not the current one.",
        "The configuration is not the one that If-Match names: read it again, then decide.",
    ),
    "428": _problem(
        428,
        "There is no If-Match.",
        "Say which version you mean: If-Match with the configuration's ETag, or *.",
    ),
}


def _conflict(*reasons: str) -> Schema:
    taken = _problem(409, "The name is taken.", "Another configuration has this name.", conflict="name")
    if "limit" in reasons:
        taken["description"] = f"`conflict` says why: `name` is taken, or `limit`: {MAX_CONFIGURATIONS} are there."
    return {"409": taken}


_NO_QUERY = "a query parameter is unknown; none is known here"


def _malformed(detail: str = _NO_QUERY) -> Schema:
    return {"422": _problem(422, "Something is malformed; `detail` says what, never what was sent.", detail)}


def _stream_paths() -> Schema:
    items = [_item(cls, has_id, when) for cls, (has_id, when) in _EVENTS.items()]
    frames = (
        'retry: 3000\nevent: connected\ndata: {"connection_id":"9f2c61d07ab34e58","tickers":["TSLA"],"resume":"fresh",'
        '"replayed":0,"mode":"push","retry_ms":3000,"heartbeat_seconds":30,"mode_reason":null,"mode_since":null}\n\n'
    )
    opened: Schema = {
        "description": "Server-Sent Events until the stream's lifetime is over. With `on_full=wait` also where no"
        " stream is free: then `closing` and the end.",
        "headers": {
            "Cache-Control": _ref("headers", "Untransformed"),
            "X-Accel-Buffering": {
                "description": "Keeps nginx from buffering.",
                "schema": {"type": "string", "enum": ["no"]},
                "required": True,
            },
        },
        "content": {"text/event-stream": {"itemSchema": {"oneOf": items}, "example": frames}},
    }
    full = "Connection limit reached. Try again later."
    refused = {
        "429": _problem(
            429,
            "This user, or this address, has as many streams as one may have, or the address opens them too often.",
            "Too many streams of one address. Close one.",
            retry=True,
            max_connections=10,
            retry_after=30,
        ),
        "503": _problem(503, "Every stream is taken.", full, retry=True, max_connections=100, retry_after=30),
    }
    config_id = {
        "name": "config_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{CONFIG_ID.pattern}$"},
    }
    gone = {"404": _problem(404, "Unknown, deleted, disabled, or another user's.", "Configuration not found")}
    ticket = "AXh2c0qUq0nq4dVt6yPZ0mXv1w3C5r8uKf2bJg7sLhNQeRtYwZxVbMpOiUaSdFgHjKlQwErTyUiOpA"
    return {
        "/api/v2/stream": {
            "get": {
                "operationId": "stream",
                "tags": [_STREAM],
                "summary": "Every change as Server-Sent Events",
                "externalDocs": {"url": "https://html.spec.whatwg.org/multipage/server-sent-events.html"},
                "parameters": [dict(parameter) for parameter in parameters.PARAMETERS],
                "responses": {
                    "200": opened,
                    **_malformed("tickers: entry 2 is empty; leave tickers out to get everything"),
                    **refused,
                },
            }
        },
        configuration_stream.PATH: {
            "parameters": [config_id],
            "get": {
                "operationId": "configurationStream",
                "tags": [_STREAM],
                "security": [{"userId": []}, {"ticket": []}],
                "summary": "One configuration's tickers as Server-Sent Events",
                "description": "As the stream of all, with the tickers of the configuration. When they change, so does"
                " the running stream: `reset` (`configuration_changed`), which names the new ones, and their history."
                " When the configuration is deleted or disabled it ends with `closing` (`configuration_gone`), and at"
                " its ticket's deadline with `closing` (`ticket_expired`), which is also all that comes of a ticket"
                " that has expired.",
                "externalDocs": {"url": "https://html.spec.whatwg.org/multipage/server-sent-events.html"},
                "parameters": [dict(each) for each in parameters.PARAMETERS if each["name"] != "tickers"],
                "responses": {
                    "200": opened | {"headers": opened["headers"] | {"Cache-Control": _ref("headers", "Private")}},
                    "401": _problem(
                        401,
                        "Nobody who may say so says who asks; or the ticket is not one of ours for this stream.",
                        "Missing user identification",
                    ),
                    **gone,
                    **_malformed("tickers: this stream has those of its configuration; leave tickers out"),
                    **refused,
                    "503": _problem(
                        503,
                        "Every stream is taken; or the table of configurations cannot be reached.",
                        full,
                        retry=True,
                        max_connections=100,
                        retry_after=30,
                    ),
                },
            },
        },
        configuration_stream.TICKETS: {
            "parameters": [config_id],
            "post": {
                "operationId": "makeTicket",
                "tags": [_STREAM],
                "security": [{"userId": []}],
                "summary": "Make a ticket for a browser's EventSource",
                "description": "Whoever has it may open this stream, any number of times, until `expires_at`.",
                "responses": {
                    "201": _answer(
                        "It is made.",
                        "Ticket",
                        {
                            "ticket": ticket,
                            "expires_at": "2026-11-22T14:33:46.000Z",
                            "stream": f"{configuration_stream.PATH.format(config_id='chips')}?ticket={ticket}",
                        },
                    ),
                    **_UNKNOWN_USER,
                    "404": _problem(
                        404,
                        "Unknown, deleted, disabled, or another user's; or no tickets are offered here.",
                        "Configuration not found",
                    ),
                    **_malformed(),
                    **_TABLE_AWAY,
                },
            },
        },
        "/api/v2/stream/status": {
            "get": {
                "operationId": "streamStatus",
                "tags": [_STREAM],
                "summary": "What the stream is doing now",
                "responses": {
                    "200": _answer(
                        "Connections, how changes come and since when, ages and lags.",
                        "StreamStatus",
                        {
                            "connections": 3, "max_connections": 100, "available": 97, "available_to_all": 77,
                            "uptime_seconds": 86412.1,
                            "mode": "push", "mode_reason": "the queue brings what the table has",
                            "mode_since": "2026-11-22T09:02:11.480Z",
                            "ages": {"change_seconds": 0.4, "canary_seconds": 12.0, "watermark_seconds": 14.9},
                            "version": __version__,
                        },
                    ),
                    **_malformed(),
                },
            }
        },
    }  # fmt: skip


def _rest_paths() -> Schema:
    etag = '"q2uVbF0mJ0mYkq3n0YVY0w"'
    shown = {
        "config_id": "5f2b8c0de4a14b6f9d3f1a7c2e9b8d60",
        "name": "Chip makers",
        "tickers": ["NVDA", "AMD"],
        "status": "active",
        "etag": etag,
    }
    row = {
        "source_id": "news:finnhub:122871930", "timestamp": "2026-11-22T14:18:03.000Z",
        "version": "TzkT5XbGQFYvkhnFSFcH4Q", "ticker": "NVDA", "label": "positive", "score": 0.37, "confidence": 0.82,
        "source": "finnhub", "updated_at": "2026-11-22T14:18:46.507Z", "committed_at": None,
    }  # fmt: skip
    counts = {
        "total": 3, "positive": 1, "neutral": 1, "negative": 1, "by_tag": {"TSLA": 2, "AAPL": 1, "other": 0},
        "rate_last_hour": 0.05, "rate_last_24h": 0.002, "since": "2026-11-21T14:18:47.000Z",
        "timestamp": "2026-11-22T14:18:47.000Z",
    }  # fmt: skip
    secured: Schema = {"tags": [_CONFIGURATIONS], "security": [{"userId": []}]}
    cursor = {
        "name": "cursor",
        "in": "query",
        "description": "Go on behind the page that ended with this `cursor`. Opaque.",
        "schema": {"type": "string"},
    }
    if_match = {
        "name": "If-Match",
        "in": "header",
        "required": True,
        "description": "The ETag of the version that is meant, or `*`: whatever is there.",
        "schema": {"type": "string"},
        "example": etag,
    }
    config_id = {
        "name": "config_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string", "pattern": f"^{CONFIG_ID.pattern}$"},
    }

    def sent(schema: str, example: Any) -> Schema:
        return {
            "required": True,
            "content": {"application/json": {"schema": _ref("schemas", schema), "example": example}},
        }

    return {
        snapshot.PATH: {
            "get": {
                "operationId": "sentiment",
                "tags": [_SNAPSHOT],
                "summary": "The newest items",
                "description": "Newest first by `timestamp`; each row has the shape of the event `sentiment_update`,"
                " one for each item and ticker. A page holds at most `limit` rows, except that one item's rows stay"
                " together; it may hold fewer, even none, and still end with a `cursor`: the work of one request is"
                " bounded. Paging gives nothing twice and skips nothing, whatever comes on top meanwhile.",
                "parameters": [
                    parameters.PARAMETERS[0],
                    {
                        "name": "since",
                        "in": "query",
                        "description": "Only items whose `timestamp` is not before this time: ISO 8601, UTC if it names"
                        " no zone, years 1 to 9999.",
                        "schema": {"type": "string", "maxLength": 40},
                        "example": "2026-11-22T14:00:00Z",
                    },
                    {
                        "name": "limit",
                        "in": "query",
                        "description": "Rows of a page.",
                        "schema": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": snapshot.MAX_LIMIT,
                            "default": snapshot.DEFAULT_LIMIT,
                        },
                    },
                    cursor,
                ],
                "responses": {
                    "200": _answer("A page.", "SentimentPage", {"items": [row], "cursor": None}),
                    **_malformed("since: give a time such as 2026-11-22T14:00:00Z"),
                    **_TABLE_AWAY,
                },
            }
        },
        metrics.PATH: {
            "get": {
                "operationId": "metrics",
                "tags": [_SNAPSHOT],
                "summary": "The counts of the last 24 hours",
                "description": "As the event `metrics` says them. The streaming service counts as it goes; elsewhere"
                " they are up to a minute old. `since` says from when on they are whole.",
                "responses": {"200": _answer("The counts.", "Metrics", counts), **_malformed(), **_TABLE_AWAY},
            }
        },
        configurations.PATH: {
            "get": {
                "operationId": "listConfigurations",
                **secured,
                "summary": "The user's configurations",
                "parameters": [
                    {
                        "name": "limit",
                        "in": "query",
                        "description": "Configurations of a page.",
                        "schema": {
                            "type": "integer",
                            "minimum": 1,
                            "maximum": configurations.MAX_LIMIT,
                            "default": configurations.DEFAULT_LIMIT,
                        },
                    },
                    cursor,
                ],
                "responses": {
                    "200": _answer("A page, by id.", "ConfigurationPage", {"configurations": [shown], "cursor": None}),
                    **_UNKNOWN_USER,
                    **_malformed("limit: give a whole number from 1 to 100"),
                    **_TABLE_AWAY,
                },
            },
            "post": {
                "operationId": "createConfiguration",
                **secured,
                "summary": "Make a configuration",
                "requestBody": sent("NewConfiguration", {"name": "Chip makers", "tickers": ["NVDA", "AMD"]}),
                "responses": {
                    "201": _answer("It is made.", "Configuration", shown, etag="ETag", location="Location"),
                    **_UNKNOWN_USER,
                    **_conflict("name", "limit"),
                    **_BODY_REFUSED,
                    **_malformed("tickers: has too many entries"),
                    **_TABLE_AWAY,
                },
            },
        },
        configurations.PATH + "/{config_id}": {
            "parameters": [config_id],
            "get": {
                "operationId": "getConfiguration",
                **secured,
                "summary": "One configuration",
                "responses": {
                    "200": _answer("As it stands now.", "Configuration", shown, etag="ETag"),
                    **_UNKNOWN_USER,
                    **_NOT_FOUND,
                    **_malformed(),
                    **_TABLE_AWAY,
                },
            },
            "patch": {
                "operationId": "changeConfiguration",
                **secured,
                "summary": "Change a configuration",
                "description": "What the body leaves out stays as it is. An open stream of it changes with it.",
                "parameters": [if_match],
                "requestBody": sent("ConfigurationChange", {"tickers": ["NVDA", "TSM"]}),
                "responses": {
                    "200": _answer("It is changed.", "Configuration", shown, etag="ETag"),
                    **_UNKNOWN_USER,
                    **_NOT_FOUND,
                    **_conflict("name"),
                    **_STALE,
                    **_BODY_REFUSED,
                    **_malformed("The body names nothing to change: give name, tickers or status."),
                    **_TABLE_AWAY,
                },
            },
            "delete": {
                "operationId": "deleteConfiguration",
                **secured,
                "summary": "Delete a configuration",
                "parameters": [if_match],
                "responses": {
                    "204": {
                        "description": "It is deleted.",
                        "headers": {"Cache-Control": _ref("headers", "NoStore")},
                    },
                    **_UNKNOWN_USER,
                    **_NOT_FOUND,
                    **_STALE,
                    **_malformed(),
                    **_TABLE_AWAY,
                },
            },
        },
        "/health/live": {
            "get": {
                "operationId": "live",
                "tags": [_HEALTH],
                "summary": "The process answers",
                "responses": {"200": _answer("It does.", "Live", {"status": "live"})},
            }
        },
        "/health/ready": {
            "get": {
                "operationId": "ready",
                "tags": [_HEALTH],
                "summary": "New traffic is welcome",
                "responses": {
                    "200": _answer(
                        "It is.", "Ready", {"status": "ready", "reason": "push: the queue brings what the table has"}
                    ),
                    "503": _problem(503, "Not yet, or not any more.", "draining"),
                },
            }
        },
    }


def _schemas(streams: bool) -> Schema:
    text = {"type": "string"}
    cursor = {"type": ["string", "null"], "description": "Where the next page begins; null: this is the last one."}
    shown = {
        "config_id": {"type": "string", "pattern": f"^{CONFIG_ID.pattern}$"},
        "name": text,
        "tickers": {"type": "array", "items": _TICKER, "maxItems": MAX_TICKERS},
        "status": {"type": "string", "enum": ["active", "disabled"]},
        "etag": {**_HEADERS["ETag"]["schema"], "description": "As the header ETag has it, quotes included."},
    }
    age = {"type": ["number", "null"], "minimum": 0}
    ages = dict.fromkeys(("change_seconds", "canary_seconds", "watermark_seconds"), age)
    found: Schema = {
        "Problem": {
            **_object({"title": text, "status": {"type": "integer"}, "detail": text}),
            "description": "RFC 9457. `detail` is for people.",
            "additionalProperties": True,
            "properties": {
                "title": text,
                "status": {"type": "integer"},
                "detail": text,
                "retry_after": {"type": "integer", "description": "Seconds, as Retry-After."},
                "max_connections": {"type": "integer", "description": "The limit that is reached."},
                "openings_per_second": {"type": "number", "description": "The rate at which an address opens streams."},
                "conflict": {"type": "string", "enum": ["name", "limit"]},
            },
        },
        "SentimentPage": _object(
            {"items": {"type": "array", "items": _ref("schemas", "SentimentUpdate")}, "cursor": cursor}
        ),
        "Configuration": {
            **_object(shown),
            "description": f"One configuration; `name` is at most {MAX_NAME} characters.",
        },
        "ConfigurationPage": _object(
            {"configurations": {"type": "array", "items": _ref("schemas", "Configuration")}, "cursor": cursor}
        ),
        "NewConfiguration": _model(configurations.NewConfiguration),
        "ConfigurationChange": _model(configurations.ConfigurationChange),
        "Live": _object({"status": {"type": "string", "enum": ["live"]}}),
        "Ready": _object({"status": {"type": "string", "enum": ["ready"]}, "reason": text}),
    }
    if streams:
        found["Ticket"] = _object(
            {
                "ticket": {"type": "string", "pattern": "^[A-Za-z0-9_-]+$"},
                "expires_at": _TIME,
                "stream": {**text, "description": "Where it is good, relative to this service: for an EventSource."},
            }
        )
        found["StreamStatus"] = {
            **_object({
                "connections": {"type": "integer", "minimum": 0},
                "max_connections": {"type": "integer", "minimum": 1},
                "available": {"type": "integer", "minimum": 0},
                "available_to_all": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "Of these, what is not reserved for identified users.",
                },
                "uptime_seconds": {"type": "number", "minimum": 0},
                "mode": _FIELDS["mode"],
                "mode_reason": text,
                "mode_since": _TIME,
                "ages": _object(ages),
                "version": text,
            }),
            "additionalProperties": True,
        }  # fmt: skip
    told = _EVENTS if streams else {cls: _EVENTS[cls] for cls in (events.SentimentUpdate, events.Metrics)}
    return found | {_schema_name(cls): _event(cls) for cls in told}


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _model(model: type[configurations.NewConfiguration] | type[configurations.ConfigurationChange]) -> Schema:
    """A request's body, without what pydantic adds for itself."""
    schema: Schema = model.model_json_schema()
    schema.pop("title", None)
    for member in schema["properties"].values():
        member.pop("title", None)
        if member.get("default", "") is None:
            del member["default"]
    return schema


def _item(cls: type[events.Event], has_id: bool, when: str) -> Schema:
    """An event as OpenAPI sees it: an object of its fields, `data` being JSON in a string."""
    place = "A place to resume after." if has_id else "None of its own: a client has that of the event before."
    members: Schema = {
        "event": {"type": "string", "const": cls.name},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "contentSchema": _ref("schemas", _schema_name(cls)),
        },
        "id": {"type": "string", "pattern": "^evt_[0-9a-f-]{36}$", "description": place},
        "retry": {"type": "integer", "minimum": 0, "description": "Milliseconds before a reconnect."},
    }
    return {
        "title": cls.name,
        "description": f"Comes: {when}.",
        "type": "object",
        "properties": members,
        "required": ["event", "data", *(["id"] if has_id else [])],
        "additionalProperties": False,
    }


def _schema_name(cls: type[events.Event]) -> str:
    return cls.__name__


def _event(cls: type[events.Event]) -> Schema:
    """The schema of an event's data, from its class."""
    hints = get_type_hints(cls)
    members = {field.name: _FIELDS.get(field.name) or _schema(hints[field.name]) for field in fields(cls)}
    described = {"description": " ".join((cls.__doc__ or "").split()), **_object(members)}
    for name in _OPTIONAL.get(cls, ()):
        described["required"].remove(name)
        described["properties"][name]["type"] = "array"
    return described


def _schema(hint: Any) -> Schema:
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        (kind,) = (each for each in inner if each is not NoneType)
        schema = _schema(kind)
        return {**schema, "type": [schema["type"], "null"]}
    if origin is Literal:
        return {"type": "string", "enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": _schema(inner[0])}
    if origin is not None and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": _schema(inner[1])}
    plain = {str: "string", int: "integer", float: "number", Decimal: "number", bool: "boolean"}
    return {"type": plain[hint]}
