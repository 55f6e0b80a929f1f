"""A sink that writes to the transport of the connection: no task, queue or await per stream and event.

The server hands the connection over when the headers of the response are written (`streamer.server.connection`). From
then on the sink is the protocol of the transport, and no other object of the request is left. Bytes that are written to
many streams are encoded once.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

logger = logging.getLogger(__name__)

TAKEOVER: Final = "streamer.takeover"
"""Name of our ASGI extension. If the scope has it, `http.response.start` may carry a TransportSink under this name.
When `send` returns, the sink is attached; if it is not, the connection was not handed over, and the application sends
the response as usual."""

_DIRECT_BYTES = 32 * 1024
"""Larger writes are sent in pieces, each when the client has read the one before: this shows the progress of a slow
client."""
_PIECE = 8 * 1024
_MAX_RECEIVED = 64 * 1024
"""Number of bytes that a client may send during the response. They are read, to notice the disconnect, and dropped."""


class BodyEncoder:
    """Encodes bytes as one chunk (RFC 9112, section 7.1), and keeps the result of the last call.

    A flush writes the same bytes to every stream of a group in turn, so one cached result is enough.
    """

    __slots__ = ("data", "encoded")

    def __init__(self) -> None:
        self.data = b""
        self.encoded = b""

    def encode(self, data: bytes) -> None:
        """Sets `encoded`."""
        self.data, self.encoded = data, b"%x\r\n%b\r\n" % (len(data), data)

    def decode(self, encoded: bytes) -> bytes:
        """Returns the bytes that `encode` encoded."""
        return encoded[encoded.index(b"\r\n") + 2 : -2]


class IdentityEncoder(BodyEncoder):
    """Does not encode: in HTTP/1.0 the end of the connection is the end of the body."""

    __slots__ = ()

    def encode(self, data: bytes) -> None:
        """Sets `encoded`."""
        self.data = self.encoded = data

    def decode(self, encoded: bytes) -> bytes:
        """Returns the same bytes."""
        return encoded


CHUNKED, IDENTITY = BodyEncoder(), IdentityEncoder()


class TransportSink(asyncio.Protocol):
    """Conforms to Sink. It has no connection before `attach`. `on_lost` is called once, when the connection is lost."""

    __slots__ = (
        "__weakref__", "_blocked_since", "_clock", "_closing", "_encoder", "_queue", "_queued_bytes", "_received",
        "_remaining", "_transport", "connection_id", "on_blocked", "on_drained", "on_lost",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.on_blocked: Callable[[], None] | None = None
        self.on_drained: Callable[[], None] | None = None
        self.on_lost: Callable[[], None] | None = None
        self.connection_id: str | None = None
        """The stream's id, for log lines."""
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._encoder: BodyEncoder = CHUNKED
        self._remaining: memoryview | None = None
        """The rest of the bytes that are being written in pieces. They are never discarded, so no frame is cut."""
        self._queue: deque[bytes] | None = None
        """Encoded bytes that are written after `_remaining`."""
        self._queued_bytes = 0
        self._blocked_since: float | None = None
        self._closing = False
        self._received = 0

    @property
    def attached(self) -> bool:
        """Whether the sink has a connection."""
        return self._transport is not None

    def attach(self, transport: asyncio.Transport, *, chunked: bool, paused: bool) -> None:
        """Takes over the connection. Called by the server when it has written the headers."""
        self._encoder = CHUNKED if chunked else IDENTITY
        self._transport = transport
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=0)  # `pause_writing` whenever a byte does not fit into the socket buffer
        if paused:
            self.pause_writing()

    def write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or self._closing or not data:
            return
        encoder = self._encoder
        if data is not encoder.data:
            encoder.encode(data)
        encoded = encoder.encoded
        if self._blocked_since is None and len(encoded) <= _DIRECT_BYTES:
            transport.write(encoded)
        else:
            self._enqueue(encoded)

    def discard(self) -> bytes:
        if self._queue is None or self._closing:
            return b""
        first = self._queue[0]
        self._clear_queue()
        return self._encoder.decode(first)

    def close(self, last: bytes) -> None:
        if self._transport is None or self._closing:
            return
        if last:
            self._encoder.encode(last)
        end = b"0\r\n\r\n" if self._encoder is CHUNKED else b""
        self._enqueue((self._encoder.encoded if last else b"") + end)
        self._closing = True
        self._close_when_written()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pending(self) -> int:
        if self._transport is None:
            return 0
        remaining = 0 if self._remaining is None else len(self._remaining)
        return self._transport.get_write_buffer_size() + remaining + self._queued_bytes

    def blocked_since(self) -> float | None:
        return self._blocked_since

    def pause_writing(self) -> None:
        """Called by the transport when the socket buffer is full (asyncio.BaseProtocol)."""
        self._blocked_since = self._clock()
        if self.on_blocked is not None:
            self.on_blocked()

    def resume_writing(self) -> None:
        """Called by the transport when its write buffer is empty (asyncio.BaseProtocol)."""
        self._blocked_since = None
        self._write_queued()
        if self._closing:
            self._close_when_written()
        else:
            self._drained()

    def data_received(self, data: bytes) -> None:
        """Drops bytes that the client sends after its request (asyncio.Protocol)."""
        self._received += len(data)
        if self._received > _MAX_RECEIVED:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the transport when the connection is closed by either side (asyncio.BaseProtocol)."""
        self._transport = self._remaining = None
        self._clear_queue()
        self.on_blocked = self.on_drained = None
        lost, self.on_lost = self.on_lost, None
        if lost is not None:
            lost()

    def _clear_queue(self) -> None:
        self._queue, self._queued_bytes = None, 0

    def _enqueue(self, encoded: bytes) -> None:
        if self._queue is None:
            self._queue = deque()
        self._queue.append(encoded)
        self._queued_bytes += len(encoded)
        if self._blocked_since is None:
            self._write_queued()
            if self._blocked_since is None:
                # Not synchronously: `on_drained` writes the next part, and the caller has not finished with this one.
                asyncio.get_running_loop().call_soon(self._drained)

    def _drained(self) -> None:
        if self._blocked_since is not None or self._closing or self.on_drained is None:
            return
        try:
            self.on_drained()
        except Exception:
            logger.exception("the replay of a stream failed", extra={"connection_id": self.connection_id})
            self.abort()

    def _write_queued(self) -> None:
        """Writes queued bytes in pieces until the transport pauses writing."""
        transport = self._transport
        while transport is not None and self._blocked_since is None:
            if self._remaining is None:
                if self._queue is None:
                    return
                self._remaining = memoryview(b"".join(self._queue))
                self._clear_queue()
            piece, rest = self._remaining[:_PIECE], self._remaining[_PIECE:]
            self._remaining = rest if len(rest) else None
            transport.write(piece)

    def _close_when_written(self) -> None:
        """Closes the transport if no bytes are queued here. The transport sends its own buffer before it closes."""
        if self._transport is not None and self._remaining is None and self._queue is None:
            self._transport.close()
