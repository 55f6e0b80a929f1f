"""OpenAPI schemas of the events: models of their data, created from the event classes, and the items of a stream.

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
    "version": {
        "type": "string",
        "pattern": "^[A-Za-z0-9_-]{22}$",
        "description": "Equal for equal content.",
    },
    "score": {"type": "number", "minimum": -1, "maximum": 1},
    "confidence": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "by_ticker": {
        "type": "object",
        "description": "For each ticker that `by_tag` names: its items by label, and their mean score.",
        "additionalProperties": {
            "type": "object",
            "properties": {
                **{label: {"type": "integer", "minimum": 0} for label in ("positive", "neutral", "negative")},
                "mean": {"type": "number", "minimum": -1, "maximum": 1},
            },
            "required": ["positive", "neutral", "negative", "mean"],
        },
    },
}
"""Members whose schema is more specific than their type."""

_NEW: Final = "For `Last-Event-ID`."
_NONE: Final = "Not sent; a client keeps the id of the event before."
_REPEATED: Final = "Where the client is, for `Last-Event-ID`. Not sent if no event with an id came before."

_EVENTS: Final[Mapping[type[events.Event], tuple[str, str]]] = {
    events.Connected: (_NONE, "first"),
    events.Reset: (_NONE, "the stream cannot resume after the requested id, or the configuration has changed"),
    events.SentimentUpdate: (_NEW, "an item's visible state changed; one event for each of its tickers"),
    events.SentimentWithdrawn: (_NEW, "an item is no longer shown for this ticker"),
    events.Metrics: (_NEW, "after the replay, on change (at most one a second), and at least every 60 s"),
    events.Heartbeat: (_NEW, "after the replay, then every 30 s"),
    events.Closing: (_REPEATED, "before every planned end of the stream"),
}
"""The event's `id`, and when it is sent."""


def _model(cls: type[events.Event]) -> type[BaseModel]:
    hints = get_type_hints(cls)
    members: dict[str, Any] = {}
    for field in fields(cls):
        kind = hints[field.name]
        if field.name in _FIELDS:
            kind = Annotated[kind, WithJsonSchema(_FIELDS[field.name])]
        members[field.name] = (kind, ...)
    if cls is events.Reset:  # the only member that may be missing
        members["tickers"] = (list[str], None)
    description = " ".join((cls.__doc__ or "").split())
    return create_model(cls.__name__, __base__=Described, __doc__=description, **members)


MODELS: Final[Mapping[type[events.Event], type[BaseModel]]] = {cls: _model(cls) for cls in _EVENTS}
"""The model of each event's data."""


def items() -> list[Schema]:
    """Returns a schema per event: an object of its fields, in which `data` is a string with JSON."""
    return [_item(cls, place, when) for cls, (place, when) in _EVENTS.items()]


def _item(cls: type[events.Event], place: str, when: str) -> Schema:
    return {
        "title": cls.name,
        "description": f"Sent: {when}.",
        "type": "object",
        "properties": {
            "event": {"type": "string", "const": cls.name},
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": reference("schemas", cls.__name__),
            },
            "id": {"type": "string", "pattern": "^evt_[0-9a-f-]{36}$", "description": place},
            "retry": {"type": "integer", "minimum": 0, "description": "Reconnection time in milliseconds."},
        },
        "required": ["event", "data", *(["id"] if place is _NEW else [])],
        "additionalProperties": False,
    }
