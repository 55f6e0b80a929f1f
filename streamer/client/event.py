"""What a message says: one of `streamer.sse.events`, or something that this version does not know."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Final, Literal, NoReturn, get_args, get_origin, get_type_hints

from streamer.sse.decode import Message
from streamer.sse.events import (
    Closing,
    Connected,
    Event,
    Heartbeat,
    Metrics,
    Reset,
    SentimentUpdate,
    SentimentWithdrawn,
)

_KNOWN: Final = (Connected, Reset, SentimentUpdate, SentimentWithdrawn, Metrics, Heartbeat, Closing)


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event with another name, or without the members that its name promises."""

    name: str
    data: str


@dataclass(frozen=True, slots=True)
class Received:
    """One event of the stream."""

    event: Event | Unknown
    data: str
    """Its data as sent."""
    id: str
    """The place it brings the client to; empty: none yet."""
    at: int
    """When it was read here, Unix milliseconds."""
    replayed: bool = False
    """It came from the history: how late it is says nothing about the path."""

    @property
    def name(self) -> str:
        """The event's name on the wire."""
        return self.event.name


def read(message: Message) -> Event | Unknown:
    """The typed event. Members that are not known are left out, those that may be null may be missing, and a word that
    is new where a few are defined (a reason, say) is kept."""
    kind = _KINDS.get(message.event)
    if kind is not None:
        try:
            members = json.loads(message.data, parse_float=Decimal, parse_constant=_refuse)
            if isinstance(members, dict):
                return kind.build(members)
        except (ValueError, ArithmeticError, RecursionError):
            pass
    return Unknown(message.event, message.data)


class _Kind:
    def __init__(self, event: type[Event]) -> None:
        self._event = event
        hints = get_type_hints(event)
        self._members = {field.name: _reader(hints[field.name]) for field in fields(event)}

    def build(self, members: Mapping[str, object]) -> Event:
        """ValueError if a member is missing or of the wrong type."""
        return self._event(**{member: take(members.get(member)) for member, take in self._members.items()})


def _reader(hint: object) -> Callable[[object], object]:
    """What turns a member into this type, or raises ValueError."""
    kinds = get_args(hint) if type(None) in get_args(hint) else (hint,)
    optional = len(kinds) > 1
    (kind,) = (each for each in kinds if each is not type(None))
    if get_origin(kind) is Literal:
        kind = str
    kind = get_origin(kind) or kind

    def take(value: object) -> object:
        if value is None and optional:
            return None
        if kind is Decimal and isinstance(value, int | Decimal) and not isinstance(value, bool):
            return Decimal(value)
        if kind is float and isinstance(value, int | Decimal) and not isinstance(value, bool):
            return float(value)
        if kind is tuple and isinstance(value, list) and all(isinstance(each, str) for each in value):
            return tuple(value)
        if kind is Mapping and isinstance(value, dict):
            return value
        if type(value) is not kind:
            raise ValueError("a member of another type")
        return value

    return take


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_KINDS: Final = {event.name: _Kind(event) for event in _KNOWN}
