"""A sink that writes to the connection's transport itself: no task, no queue, no await for each stream and event.

The server hands the connection over once the response's headers are written (see streamer.server.connection). From
then on this object is the transport's protocol, and all that is left of the request. Bytes that many streams get are
coded once.
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
"""An ASGI extension of ours: where the scope names it, `http.response.start` may have a member of this name, a
TransportSink. Once `send` returns it is attached, or the connection could not be had and the response goes on as
usual."""

_AT_ONCE = 32 * 1024
"""What is more goes in pieces, each when the one before was taken: so a client that takes anything is seen to."""
_PIECE = 8 * 1024
_UNASKED = 64 * 1024
"""Bytes that a client may send during the response. They are read, so that its end is noticed, and dropped."""


class Coding:
    """HTTP/1.1's chunked coding (RFC 9112, section 7.1) of the bytes that were written last.

    One flush gives the same bytes to every stream of a group, one after the other: so one entry is enough.
    """

    __slots__ = ("coded", "data")

    def __init__(self) -> None:
        self.data = b""
        self.coded = b""

    def code(self, data: bytes) -> None:
        """Makes the chunk of it `coded`."""
        self.data, self.coded = data, b"%x\r\n%b\r\n" % (len(data), data)


class Plain(Coding):
    """No coding: the body ends with the connection, as HTTP/1.0 has it."""

    __slots__ = ()

    def code(self, data: bytes) -> None:
        """Leaves it as it is."""
        self.data = self.coded = data


CHUNKED, PLAIN = Coding(), Plain()


class TransportSink(asyncio.Protocol):
    """Conforms to Sink. Until `attach` it has no connection; `on_lost` is called once, when the connection is gone."""

    __slots__ = (
        "__weakref__", "_blocked_since", "_clock", "_closing", "_coding", "_held", "_held_bytes", "_rest",
        "_transport", "_unasked", "connection_id", "on_blocked", "on_drained", "on_lost",
    )  # fmt: skip

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.on_blocked: Callable[[], None] | None = None
        self.on_drained: Callable[[], None] | None = None
        self.on_lost: Callable[[], None] | None = None
        self.connection_id: str | None = None
        """Of its stream, for what is logged."""
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._coding: Coding = CHUNKED
        self._rest: memoryview | None = None
        """What is left of the bytes under way: they go to their end, so that no frame is cut in two."""
        self._held: deque[bytes] | None = None
        """What waits behind them, coded."""
        self._held_bytes = 0
        self._blocked_since: float | None = None
        self._closing = False
        self._unasked = 0

    @property
    def attached(self) -> bool:
        """Whether it has a connection."""
        return self._transport is not None

    def attach(self, transport: asyncio.Transport, *, chunked: bool, paused: bool) -> None:
        """Takes the connection over; the headers have been written. Called by the server."""
        self._coding = CHUNKED if chunked else PLAIN
        self._transport = transport
        transport.set_protocol(self)
        transport.set_write_buffer_limits(high=0)  # it pauses whenever the kernel has not taken everything
        if paused:
            self.pause_writing()

    def write(self, data: bytes) -> None:
        transport = self._transport
        if transport is None or self._closing or not data:
            return
        coding = self._coding
        if data is not coding.data:
            coding.code(data)
        coded = coding.coded
        if self._blocked_since is None and len(coded) <= _AT_ONCE:
            transport.write(coded)
        else:
            self._hold(coded)

    def close(self, last: bytes, *, discard: bool = False) -> None:
        if self._transport is None or self._closing:
            return
        if discard:
            self._let_go()
        if last:
            self._coding.code(last)
        end = b"0\r\n\r\n" if self._coding is CHUNKED else b""
        self._hold((self._coding.coded if last else b"") + end)
        self._closing = True
        self._finish()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def pending(self) -> int:
        if self._transport is None:
            return 0
        under_way = 0 if self._rest is None else len(self._rest)
        return self._transport.get_write_buffer_size() + under_way + self._held_bytes

    def blocked_since(self) -> float | None:
        return self._blocked_since

    def pause_writing(self) -> None:
        """The transport has as much as it takes (asyncio.BaseProtocol)."""
        self._blocked_since = self._clock()
        if self.on_blocked is not None:
            self.on_blocked()

    def resume_writing(self) -> None:
        """The kernel has taken everything (asyncio.BaseProtocol)."""
        self._blocked_since = None
        self._pump()
        if self._closing:
            self._finish()
        else:
            self._drained()

    def data_received(self, data: bytes) -> None:
        """What a client sends behind its request (asyncio.Protocol): the response says that nothing more is read."""
        self._unasked += len(data)
        if self._unasked > _UNASKED:
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """The end, whoever made it (asyncio.BaseProtocol)."""
        self._transport = self._rest = None
        self._let_go()
        self.on_blocked = self.on_drained = None
        lost, self.on_lost = self.on_lost, None
        if lost is not None:
            lost()

    def _let_go(self) -> None:
        self._held, self._held_bytes = None, 0

    def _hold(self, coded: bytes) -> None:
        if self._held is None:
            self._held = deque()
        self._held.append(coded)
        self._held_bytes += len(coded)
        if self._blocked_since is None:
            self._pump()
            if self._blocked_since is None:
                # Not now: the caller is in the middle of what it does next.
                asyncio.get_running_loop().call_soon(self._drained)

    def _drained(self) -> None:
        if self._blocked_since is not None or self._closing or self.on_drained is None:
            return
        try:
            self.on_drained()
        except Exception:
            logger.exception("a stream could not go on", extra={"connection_id": self.connection_id})
            self.abort()

    def _pump(self) -> None:
        """Hands on what waits, until the transport has enough of it."""
        transport = self._transport
        while transport is not None and self._blocked_since is None:
            if self._rest is None:
                if self._held is None:
                    return
                self._rest = memoryview(b"".join(self._held))
                self._let_go()
            piece, rest = self._rest[:_PIECE], self._rest[_PIECE:]
            self._rest = rest if len(rest) else None
            transport.write(piece)

    def _finish(self) -> None:
        """Ends the connection once everything is with the transport, which takes it to its end."""
        if self._transport is not None and self._rest is None and self._held is None:
            self._transport.close()
