"""The states of a connection, and the limits of each state."""

from __future__ import annotations

import enum
from typing import Final


class ConnectionState(enum.Enum):
    """Every state has a limit in bytes and in seconds.

             new ─┐
        ┌──► idle ──► head ──► body ──► trailers ──► answering ──► handed over (to a TransportSink)
        │                                                │
        └────────────────────────────────────────────────┴───────► closing ──► closed

    A connection may close in every state. A request over a limit gets a problem (RFC 9457) with the status below.

    | state | bytes | seconds |
    |---|---|---|
    | idle | 64 KB of empty lines: 431 | 75 (SSE_KEEP_ALIVE), not extended by empty lines: close |
    | head | 64 KB: 431 | 20: 408; first request: since the connect, and close without a response if no byte came |
    | body | 32 KB of content: 413; 64 KB of chunk framing: 431 | 20 without content, 60 in total: 408 |
    | trailers | 64 KB including the chunk framing: 431 | 20: 408 |
    | answering | reading pauses above 64 KB, which are not parsed | 30 while the client reads nothing: abort |
    | closing | 1 MB is read and discarded: abort | 5; 30 while the write buffer is not empty: abort |
    """

    IDLE = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    TRAILERS = enum.auto()
    ANSWERING = enum.auto()
    HANDED_OVER = enum.auto()
    CLOSING = enum.auto()
    CLOSED = enum.auto()


REQUEST_INCOMPLETE: Final = (ConnectionState.BODY, ConnectionState.TRAILERS)
HAS_REQUEST: Final = (*REQUEST_INCOMPLETE, ConnectionState.ANSWERING)
"""The application runs."""


def close_priority(state: ConnectionState, *, write_paused: bool) -> int | None:
    """Returns the priority for closing at the connection limit: 0 is closed first; None is never closed.
    `write_paused`: the client does not read the response."""
    match state:
        case ConnectionState.IDLE:
            return 0
        case ConnectionState.HEAD:
            return 1
        case ConnectionState.CLOSING:
            return 2
        case ConnectionState.ANSWERING | ConnectionState.BODY | ConnectionState.TRAILERS if write_paused:
            return 3
        case ConnectionState.BODY | ConnectionState.TRAILERS:
            return 4
    return None
