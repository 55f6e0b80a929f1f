"""One HTTP/1.1 connection: the asyncio protocol that uvicorn uses instead of its own (option `http=`).

The protocol limits how much a client can send, how long it can stall, and how much of a response it can leave unread,
independently of the application.
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
from streamer.server.state import HAS_REQUEST, REQUEST_INCOMPLETE, ConnectionState, close_priority
from streamer.streams.transport import TAKEOVER, TransportSink

PIPELINED_BYTES: Final = 64 * 1024
"""Maximum number of bytes buffered while a response is in progress. Above it, the transport pauses reading. One read of
up to 256 KB (uvloop) may exceed it."""
DISCARDED_BYTES: Final = 1024 * 1024
"""Maximum number of bytes that are read and discarded after the last response. Closing a socket with unread data sends
a TCP reset, and the client could lose the response (RFC 9112, section 9.6)."""
HIGH_WATER: Final = 8 * 1024
"""High-water mark of the write buffer: above it the application waits in `send`."""

_HEALTH: Final = frozenset({b"/health/live", b"/health/ready"})  # answered even at the connection limit


class Connection(asyncio.Protocol):
    """A state machine with one timer. ConnectionState documents the states, byte limits and timeouts.

    The application starts when the request headers are complete. If it responds before the body is complete, the
    connection is closed after this response. At the limit of connections, Capacity closes a connection that waits for
    its client, to make room for a new one.
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
        """uvicorn passes all arguments except `capacity`, which `protocol` adds."""
        self.state = ConnectionState.HEAD
        self.since = 0.0
        """Time of the last state change, by the loop's clock."""
        self._app: ASGIApp = config.loaded_app
        self._server = server_state
        self._connections: set[Any] = server_state.connections  # uvicorn's set; all are of this class
        self._loop = _loop or asyncio.get_running_loop()
        self._capacity = capacity
        self._limits = capacity.limits
        self._transport: asyncio.Transport | None = None
        self._requests = Requests()
        self._exchange: Exchange | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._body_deadline = 0.0  # by the loop's clock
        self._over_limit = False  # whether the connection limit was reached when this connection was accepted
        self._close_after_response = False
        self._reading = True
        self._writable: asyncio.Future[None] | None = None  # set while the transport has paused writing
        self._discarded = 0

    # ---- asyncio.Protocol ----

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # TCP has a Transport
        self._transport = transport
        transport.set_write_buffer_limits(high=HIGH_WATER, low=0)
        free = self._capacity.make_room(self._connections, self._loop.time())
        self._over_limit = free <= 0
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
        if self.state is ConnectionState.ANSWERING and self._requests.buffered > PIPELINED_BYTES:
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
        """Called when uvicorn stops. A response in progress is completed; an idle connection is closed."""
        self._close_after_response = True
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

    def hand_over(self, sink: TransportSink, head: bytes, *, chunked: bool) -> bool:
        transport = self._transport
        if transport is None or transport.is_closing() or self.state not in HAS_REQUEST:
            return False
        transport.write(head)
        self._enter(ConnectionState.HANDED_OVER)
        self._connections.discard(self)
        self._end_exchange()
        self._requests, self._transport = Requests(), None
        sink.attach(transport, chunked=chunked, paused=self._writable is not None)
        if not self._reading:
            transport.resume_reading()
        return True

    def response_complete(self, *, keep_alive: bool) -> None:
        if self.state is ConnectionState.ANSWERING and keep_alive and not self._close_after_response:
            self._exchange = None
            self._enter(ConnectionState.IDLE, self._limits.idle)
            self._advance()
            if self._requests.buffered <= PIPELINED_BYTES:
                self._resume_reading()
        elif self.state in HAS_REQUEST:
            self._close(discard_input=self.state in REQUEST_INCOMPLETE or self._requests.buffered > 0)

    def fail(self) -> None:
        if self.state in HAS_REQUEST:
            self._refuse(RequestRefused(500, "Internal server error. The error was logged."))

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
        response_started = self._exchange is not None and self._exchange.started
        if self.state is ConnectionState.HEAD and self._requests.head_started:
            detail = f"The request headers did not arrive within {self._limits.head:.0f} seconds."
            self._refuse(RequestRefused(408, detail))
        elif self.state in REQUEST_INCOMPLETE and not response_started:
            self._refuse(RequestRefused(408, "The request body did not arrive in time."))
        elif self.state in (ConnectionState.IDLE, ConnectionState.HEAD):
            self._close()
        else:
            self.abort()

    def _advance(self) -> None:
        """Parses the bytes received so far for the current request."""
        try:
            if self.state in (ConnectionState.IDLE, ConnectionState.HEAD):
                self._read_head()
            if self.state in REQUEST_INCOMPLETE:
                self._read_body()
        except RequestRefused as refused:
            self._refuse(refused)

    def _read_head(self) -> None:
        found = self._requests.head()
        if found is not None:
            self._begin(found)
        elif self.state is ConnectionState.IDLE and self._requests.head_started:
            self._enter(ConnectionState.HEAD, self._limits.head)

    def _read_body(self) -> None:
        assert self._exchange is not None  # noqa: S101 - created when the headers were complete
        before = self._requests.content
        body = self._requests.body()
        if body is not None:
            self._enter(ConnectionState.ANSWERING, None if self._writable is None else self._limits.unread)
            self._exchange.set_body(body)
        elif self.state is ConnectionState.BODY and self._requests.in_trailers:
            self._enter(ConnectionState.TRAILERS, self._limits.head)
        elif self._requests.content > before:
            self._arm(min(self._limits.stalled, self._body_deadline - self._loop.time()))

    def _begin(self, request: Head) -> None:
        if self._over_limit and self._capacity.free(self._connections) < 0 and request.path not in _HEALTH:
            raise RequestRefused(503, "Too many connections. Try again later.")
        if request.has_body:
            self._enter(ConnectionState.BODY, self._limits.stalled)
            self._body_deadline = self.since + self._limits.body
        else:
            self._enter(ConnectionState.ANSWERING)
        exchange = self._exchange = Exchange(
            self,
            self._scope(request),
            self._server.default_headers,
            keep_alive=request.keep_alive and not self._close_after_response,
            expects_continue=request.expects_continue,
        )
        if not request.has_body:
            exchange.set_body(b"")
        # An empty context, so that a request cannot see the context variables of the previous one on this connection.
        task = self._loop.create_task(exchange.run(self._app), context=Context())
        task.add_done_callback(self._server.tasks.discard)
        self._server.tasks.add(task)

    def _scope(self, request: Head) -> Scope:
        assert self._transport is not None  # noqa: S101 - a request was just read from it
        peer, own = (self._transport.get_extra_info(name) for name in ("peername", "sockname"))
        return scope(request, peer, own, {TAKEOVER: {}} if self._capacity.takeover else {})

    def _refuse(self, refused: RequestRefused) -> None:
        """Sends an error response instead of the application's, and closes the connection. Aborts the connection if the
        application's response has started."""
        if self._exchange is not None and self._exchange.started:
            self.abort()
            return
        self._end_exchange()
        self.write(refusal(refused, self._server.default_headers, content=not self._requests.is_head))
        self._close(discard_input=True)

    def _close(self, *, discard_input: bool = False) -> None:
        """Closes the connection when the write buffer was sent. With `discard_input` only the write side is closed
        (half-close), and input is discarded until the client closes its side."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        self._end_exchange()
        self._requests = Requests()
        limits = self._limits
        self._enter(ConnectionState.CLOSING, limits.unread if transport.get_write_buffer_size() else limits.linger)
        if discard_input and not self._close_after_response and transport.can_write_eof():
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
    def close_priority(self) -> int | None:
        """Priority for closing at the connection limit: 0 is closed first; None is never closed."""
        return close_priority(self.state, write_paused=self._writable is not None)


def protocol(capacity: Capacity) -> Callable[..., Connection]:
    """Returns the protocol factory for uvicorn's option `http=`."""

    def make(**arguments: Any) -> Connection:
        return Connection(**arguments, capacity=capacity)

    return make
