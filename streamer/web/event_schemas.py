"""The schemas of events: their data as models, made from the events' classes, and the events of a stream, of which
FastAPI knows nothing.

https://spec.openapis.org/oas/v3.2.0.html#sequential-media-types
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Annotated, Any, Final, get_type_hints

from pydantic import BaseModel, WithJsonSchema, create_model

from streamer.change import LABELS
from streamer.sse import events
from streamer.web.operation import MODE, TICKER, Described, Schema, reference

_FIELDS: Final[Mapping[str, Schema]] = {
    "mode": MODE,
    "label": {"type": "string", "enum": sorted(LABELS)},
    "ticker": TICKER,
    "version": {"type": "string", "pattern": "^[A-Za-z0-9_-]{22}$", "description": "Equal versions show the same."},
    "score": {"type": "number", "minimum": -1, "maximum": 1},
    "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
}
"""The members whose types say too little."""

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


def _model(cls: type[events.Event]) -> type[BaseModel]:
    hints = get_type_hints(cls)
    members: dict[str, Any] = {}
    for field in fields(cls):
        kind = hints[field.name]
        if field.name in _FIELDS:
            kind = Annotated[kind, WithJsonSchema(_FIELDS[field.name])]
        members[field.name] = (kind, ...)
    if cls is events.Reset:  # the one member that is left out where there is nothing to say
        members["tickers"] = (list[str], None)
    description = " ".join((cls.__doc__ or "").split())
    return create_model(cls.__name__, __base__=Described, __doc__=description, **members)


MODELS: Final[Mapping[type[events.Event], type[BaseModel]]] = {cls: _model(cls) for cls in _EVENTS}
"""The data of each event."""


def items() -> list[Schema]:
    """The events of a stream as objects of their fields, `data` being JSON in a string."""
    return [_item(cls, has_id=has_id, when=when) for cls, (has_id, when) in _EVENTS.items()]


def _item(cls: type[events.Event], *, has_id: bool, when: str) -> Schema:
    place = "A place to resume after." if has_id else "None of its own: a client has that of the event before."
    return {
        "title": cls.name,
        "description": f"Comes: {when}.",
        "type": "object",
        "properties": {
            "event": {"type": "string", "const": cls.name},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": reference("schemas", cls.__name__),
            },
            "id": {"type": "string", "pattern": "^evt_[0-9a-f-]{36}$", "description": place},
            "retry": {"type": "integer", "minimum": 0, "description": "Milliseconds before a reconnect."},
        },
        "required": ["event", "data", *(["id"] if has_id else [])],
        "additionalProperties": False,
    }
