"""The states of a connection, and what bounds each of them."""

from __future__ import annotations

import enum
from typing import Final


class ConnectionState(enum.Enum):
    """Every state has a bound in bytes and in seconds.

             new ─┐
        ┌──► idle ──► head ──► body ──► trailers ──► answering ──► taken over (by a TransportSink, for good)
        │                                                │
        └────────────────────────────────────────────────┴───────► closing ──► closed

    From every state a connection may close. What is not read to its end is refused with a problem (RFC 9457).

    | state | bytes | seconds |
    |---|---|---|
    | idle | 64 KB of empty lines: 431 | 75 (SSE_KEEP_ALIVE), which they do not prolong: the end |
    | head | 64 KB as they come: 431 | 20: 408; of the first since the connect, and the end if nothing came |
    | body | 32 KB of content: 413; 64 KB of chunked coding: 431 | 20 without content, 60 in all: 408 |
    | trailers | 64 KB together with the coding: 431 | 20: 408 |
    | answering | reading stops at 64 KB ahead; nothing of it is parsed | 30 in which the client takes nothing: abort |
    | closing | 1 MB is read and dropped | 5; 30 while something is unread: abort |
    """

    IDLE = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    TRAILERS = enum.auto()
    ANSWERING = enum.auto()
    TAKEN = enum.auto()
    CLOSING = enum.auto()
    CLOSED = enum.auto()


UNREAD: Final = (ConnectionState.BODY, ConnectionState.TRAILERS)
ASKED: Final = (*UNREAD, ConnectionState.ANSWERING)
"""The application has a request."""


def expendable(state: ConnectionState, *, unread: bool) -> int | None:
    """How soon a connection is closed to make room for others, 0 first; None: not at all. `unread`: the client does not
    take the response."""
    match state:
        case ConnectionState.IDLE:
            return 0
        case ConnectionState.HEAD:
            return 1
        case ConnectionState.CLOSING:
            return 2
        case ConnectionState.ANSWERING | ConnectionState.BODY | ConnectionState.TRAILERS if unread:
            return 3
        case ConnectionState.BODY | ConnectionState.TRAILERS:
            return 4
    return None
