"""One HTTP/1.1 connection of the server: a protocol of our own for uvicorn, and all that is used of uvicorn.

What a client can send, withhold, or leave unread is bounded here, whatever the application does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp, Scope
from uvicorn.server import ServerState

from streamer.server.capacity import Capacity
from streamer.server.exchange import Exchange, refusal, scope
from streamer.server.refused import RequestRefused
from streamer.server.requests import Head, Requests
from streamer.server.state import ASKED, UNREAD, ConnectionState, expendable
from streamer.streams.transport import TAKEOVER, TransportSink

AHEAD_BYTES: Final = 64 * 1024
"""Bytes received while a request is answered; one segment (256 KB at most, with uvloop) may exceed it."""
DISCARDED_BYTES: Final = 1024 * 1024
"""Bytes received after the last response. A connection that is closed before they are read would be reset, and the
response with it (RFC 9112, section 9.6)."""
HIGH_WATER: Final = 8 * 1024
"""Bytes of a response that wait in the process before the application waits for the client."""

_ALIVE: Final = frozenset({b"/health/live", b"/health/ready"})  # answered whatever else there is to do


class Connection(asyncio.Protocol):
    """A state machine with one timer: ConnectionState has its states and bounds.

    The application begins with the head and may answer before the body has come; then this is the last answer.
    Connections are bounded in number: one that waits for its client may be closed for another (Capacity).
    """

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any] | None = None,
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        capacity: Capacity,
    ) -> None:
        """As uvicorn calls it, and with the capacity of the server."""
        self.state = ConnectionState.HEAD
        self.since = 0.0
        """When the state began, by the loop's clock."""
        self._app: ASGIApp = config.loaded_app
        self._server = server_state
        self._connections: set[Any] = server_state.connections  # uvicorn's, all of this class
        self._loop = _loop or asyncio.get_running_loop()
        self._capacity = capacity
        self._limits = capacity.limits
        self._transport: asyncio.Transport | None = None
        self._requests = Requests()
        self._exchange: Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._body_ends = 0.0  # by the loop's clock
        self._spare = False  # whether there were too many when it came
        self._last = False  # whether no further request is read
        self._reading = True
        self._writable: asyncio.Future[None] | None = None  # while the transport takes no more
        self._discarded = 0

    # ---- asyncio.Protocol ----

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # servers are of streams
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER, low=0)
        free = self._capacity.make_room(self._connections, self._loop.time())
        self._spare = free <= 0
        self._connections.add(self)
        self._enter(ConnectionState.HEAD, self._limits.head)
        if free <= -self._limits.reserve:
            self.abort()

    def data_received(self, data: bytes) -> None:
        if self.state is ConnectionState.CLOSING:
            self._discarded += len(data)
            if self._discarded > DISCARDED_BYTES:
                self.abort()
            return
        self._requests.feed(data)
        if self.state is not ConnectionState.ANSWERING:
            self._advance()
        if self.state is ConnectionState.ANSWERING and self._requests.waiting > AHEAD_BYTES:
            self._pause_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._enter(ConnectionState.CLOSED)
        self._connections.discard(self)
        self._end_exchange()
        self._requests = Requests()
        self._transport = None
        self.resume_writing()

    def pause_writing(self) -> None:
        self._writable = self._loop.create_future()
        if self.state is ConnectionState.ANSWERING:
            self._arm(self._limits.unread)

    def resume_writing(self) -> None:
        writable, self._writable = self._writable, None
        if writable is not None and not writable.done():
            writable.set_result(None)
        if self.state is ConnectionState.ANSWERING:
            self._arm(None)

    def shutdown(self) -> None:
        """Called by uvicorn as it stops: a response that has begun is completed."""
        self._last = True
        if self._transport is None:
            return
        if self.state in (ConnectionState.IDLE, ConnectionState.HEAD):
            self._close()
        elif self.state is ConnectionState.CLOSING and not self._transport.get_write_buffer_size():
            self._transport.close()

    # ---- exchange.Wire ----

    def write(self, data: bytes | memoryview) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drain(self) -> None:
        while self._writable is not None:
            await asyncio.shield(self._writable)

    def take_over(self, sink: TransportSink, head: bytes, *, chunked: bool) -> bool:
        transport = self._transport
        if transport is None or transport.is_closing() or self.state not in ASKED:
            return False
        transport.write(head)
        self._enter(ConnectionState.TAKEN)
        self._connections.discard(self)
        self._end_exchange()
        self._requests, self._transport = Requests(), None
        sink.attach(transport, chunked=chunked, paused=self._writable is not None)
        if not self._reading:
            transport.resume_reading()
        return True

    def answered(self, *, keep_alive: bool) -> None:
        if self.state is ConnectionState.ANSWERING and keep_alive and not self._last:
            self._exchange = None
            self._enter(ConnectionState.IDLE, self._limits.idle)
            self._advance()
            if self._requests.waiting <= AHEAD_BYTES:
                self._resume_reading()
        elif self.state in ASKED:
            self._close(unread=self.state in UNREAD or self._requests.waiting > 0)

    def fail(self) -> None:
        if self.state in ASKED:
            self._refuse(RequestRefused(500, "The server failed to answer. It has been logged."))

    def abort(self) -> None:
        if self._transport is not None:
            self._enter(ConnectionState.CLOSING, self._limits.linger)
            self._end_exchange()
            self._transport.abort()

    # ---- the state machine ----

    def _enter(self, state: ConnectionState, seconds: float | None = None) -> None:
        self.state, self.since = state, self._loop.time()
        self._arm(seconds)

    def _arm(self, seconds: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None if seconds is None else self._loop.call_later(seconds, self._expired)

    def _expired(self) -> None:
        self._timer = None
        answers = self._exchange is not None and self._exchange.started
        if self.state is ConnectionState.HEAD and self._requests.begun:
            self._refuse(RequestRefused(408, f"The request's head took over {self._limits.head:.0f} seconds."))
        elif self.state in UNREAD and not answers:
            self._refuse(RequestRefused(408, "The request's body does not come, or takes too long."))
        elif self.state in (ConnectionState.IDLE, ConnectionState.HEAD):
            self._close()
        else:
            self.abort()

    def _advance(self) -> None:
        """Reads what has come of the request that is not answered yet."""
        try:
            if self.state in (ConnectionState.IDLE, ConnectionState.HEAD):
                self._read_head()
            if self.state in UNREAD:
                self._read_body()
        except RequestRefused as refused:
            self._refuse(refused)

    def _read_head(self) -> None:
        found = self._requests.head()
        if found is not None:
            self._begin(found)
        elif self.state is ConnectionState.IDLE and self._requests.begun:
            self._enter(ConnectionState.HEAD, self._limits.head)

    def _read_body(self) -> None:
        assert self._exchange is not None  # noqa: S101 - begun with the head
        before = self._requests.content
        body = self._requests.body()
        if body is not None:
            self._enter(ConnectionState.ANSWERING, None if self._writable is None else self._limits.unread)
            self._exchange.take_body(body)
        elif self.state is ConnectionState.BODY and self._requests.in_trailers:
            self._enter(ConnectionState.TRAILERS, self._limits.head)
        elif self._requests.content > before:
            self._arm(min(self._limits.stalled, self._body_ends - self._loop.time()))

    def _begin(self, request: Head) -> None:
        if self._spare and self._capacity.free(self._connections) < 0 and request.path not in _ALIVE:
            raise RequestRefused(503, "Too many connections. Try again later.")
        if request.has_body:
            self._enter(ConnectionState.BODY, self._limits.stalled)
            self._body_ends = self.since + self._limits.body
        else:
            self._enter(ConnectionState.ANSWERING)
        exchange = self._exchange = Exchange(
            self,
            self._scope(request),
            self._server.default_headers,
            keep_alive=request.keep_alive and not self._last,
            expects_continue=request.expects_continue,
        )
        if not request.has_body:
            exchange.take_body(b"")
        # A request knows nothing of the one before it on the connection.
        task = self._loop.create_task(exchange.run(self._app), context=Context())
        task.add_done_callback(self._server.tasks.discard)
        self._server.tasks.add(task)

    def _scope(self, request: Head) -> Scope:
        assert self._transport is not None  # noqa: S101 - it was read from
        peer, own = (self._transport.get_extra_info(name) for name in ("peername", "sockname"))
        return scope(request, peer, own, {TAKEOVER: {}} if self._capacity.takeover else {})

    def _refuse(self, refused: RequestRefused) -> None:
        """Answers in the application's place, with the last response of the connection."""
        if self._exchange is not None and self._exchange.started:
            self.abort()
            return
        self._end_exchange()
        self.write(refusal(refused, self._server.default_headers, content=not self._requests.silent))
        self._close(unread=True)

    def _close(self, *, unread: bool = False) -> None:
        """Ends the connection once the client has what was written. Whatever it still sends is read and dropped."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._end_exchange()
        self._requests = Requests()
        limits = self._limits
        self._enter(ConnectionState.CLOSING, limits.unread if transport.get_write_buffer_size() else limits.linger)
        if unread and not self._last and transport.can_write_eof():
            transport.write_eof()
            self._resume_reading()
        else:
            transport.close()

    def _end_exchange(self) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is not None and not exchange.complete:
            exchange.disconnect()

    def _pause_reading(self) -> None:
        if self._reading and self._transport is not None:
            self._reading = False
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if not self._reading and self._transport is not None:
            self._reading = True
            self._transport.resume_reading()

    @property
    def expendable(self) -> int | None:
        """How soon it is closed for others, 0 first; None: not at all."""
        return expendable(self.state, unread=self._writable is not None)


def protocol(capacity: Capacity) -> Callable[..., Connection]:
    """What uvicorn is given as `http=`."""

    def make(**arguments: Any) -> Connection:
        return Connection(**arguments, capacity=capacity)

    return make
