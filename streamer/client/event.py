"""Parses a message into one of `streamer.sse.events`, or into Unknown."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Final, Literal, NoReturn, get_args, get_origin, get_type_hints

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
    """An event with an unknown name, or with missing or malformed members."""

    name: str
    data: str


@dataclass(frozen=True, slots=True, repr=False)
class Received:
    """One event of the stream. The members of `event` are also attributes, for example `received.ticker`, unless their
    name is taken here."""

    event: Event | Unknown
    data: str
    """The data field, unchanged."""
    id: str
    """The last event id, from which the next connection resumes; empty before the first id."""
    at: int
    """Time of receipt in Unix milliseconds."""
    replayed: bool = False
    """Whether it is from the history, so that its latency is not that of the path."""

    @property
    def name(self) -> str:
        """The event's name on the wire."""
        return self.event.name

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name == "event":  # looked up by `copy` and `pickle` before there is an event
            raise AttributeError(name)
        try:
            return getattr(self.event, name)
        except AttributeError:
            members = ", ".join(field.name for field in fields(self.event))
            raise AttributeError(f"{self.name} has no {name!r}; it has {members}") from None

    def __dir__(self) -> list[str]:
        return [*object.__dir__(self), *(field.name for field in fields(self.event))]

    def __repr__(self) -> str:
        members = {field.name: getattr(self.event, field.name) for field in fields(self.event)}
        if isinstance(self.event, Unknown):
            del members["name"]
        text = " ".join(f"{name}={_readable(value)}" for name, value in members.items())
        place = f" id={self.id}" if self.id else ""
        return f"<{self.name} {text}{place}{' replayed' if self.replayed else ''}>"


def parse_event(message: Message) -> Event | Unknown:
    """Returns the typed event. Unknown members are ignored, nullable members may be missing, and unknown values of an
    enumeration (for example a reason) are kept."""
    parser = _PARSERS.get(message.event)
    if parser is not None:
        try:
            members = json.loads(message.data, parse_float=Decimal, parse_constant=_refuse)
            if isinstance(members, dict):
                return parser.build(members)
        except (ValueError, ArithmeticError, RecursionError):
            pass
    return Unknown(message.event, message.data)


class _EventParser:
    def __init__(self, event: type[Event]) -> None:
        self._event = event
        hints = get_type_hints(event)
        self._members = {field.name: _reader(hints[field.name]) for field in fields(event)}

    def build(self, members: Mapping[str, object]) -> Event:
        """Raises ValueError if a member is missing or of the wrong type."""
        return self._event(**{member: take(members.get(member)) for member, take in self._members.items()})


def _reader(hint: object) -> Callable[[object], object]:
    """Returns a function that converts a member to this type or raises ValueError."""
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
            raise ValueError("wrong type of a member")
        return value

    return take


def _readable(value: object) -> str:
    return str(value) if isinstance(value, Decimal) else repr(value)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


_PARSERS: Final = {event.name: _EventParser(event) for event in _KNOWN}
