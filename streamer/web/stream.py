"""One client's stream as an HTTP response.

A response of our own over bytes that were encoded once. The slot is taken and given back around the whole ASGI call,
because a generator that never started never runs its `finally`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from streamer.delivery.asgi import AsgiSink
from streamer.delivery.delivery import Delivery
from streamer.delivery.stream import Stream
from streamer.hub.resume import Request
from streamer.sse.events import ClosingReason
from streamer.telemetry.counters import Counters
from streamer.web.admission import Admission, Full
from streamer.web.parameters import StreamParameters
from streamer.web.problems import problem

logger = logging.getLogger(__name__)

_RETRY_AFTER = 30
_HEADERS = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
    # A reconnect takes a new connection, so that a load balancer may choose another container.
    (b"connection", b"close"),
]


class StreamDoor:
    """Where streams come in: makes the response for each admitted request, and remembers how to refuse.

    A stream that asks for something of the past waits until `knows_past` returns: a container that has only just begun
    would answer `reset` a moment before it knows better.
    """

    def __init__(
        self,
        delivery: Delivery,
        admission: Admission,
        counters: Counters,
        knows_past: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.delivery = delivery
        self.admission = admission
        self.counters = counters
        self.knows_past = knows_past

    def response(
        self, parameters: StreamParameters, *, user: str | None = None, address: str | None = None
    ) -> Response:
        """The response for a request whose parameters are right. User and address, where known, count for admission."""
        return _StreamResponse(self, parameters, user, address)


class _StreamResponse(Response):
    def __init__(self, door: StreamDoor, parameters: StreamParameters, user: str | None, address: str | None) -> None:
        self.door = door
        self.parameters = parameters
        self.user = user
        self.address = address
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self.door
        if door.delivery.draining:
            await self._turn_away("drain", scope, receive, send)
            return
        slot = door.admission.take(self.user, self.address)
        if not isinstance(slot, Full):
            with slot:
                await self._stream(scope, receive, send)
        elif self.parameters.waits_when_full:
            await self._turn_away("server_busy", scope, receive, send)
        else:
            door.counters.add("streams_refused")
            await _refusal(slot)(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        delivery = self.door.delivery
        if self.door.knows_past is not None and self.parameters.start != Request():
            await self.door.knows_past()
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        sink = AsgiSink(send)
        stream = delivery.open(sink, self.parameters.wanted, self.parameters.start)
        reason = "client_gone"
        try:
            await sink.run(receive)
            reason = stream.closed_for or reason
        except BaseException:
            reason = "error"
            raise
        finally:
            delivery.forget(stream)
            _log_end(stream, scope, reason, delivery.clock)

    async def _turn_away(self, reason: ClosingReason, scope: Scope, receive: Receive, send: Send) -> None:
        """200, a `retry:` and the end: any other status would end a browser's EventSource for good."""
        self.door.counters.add("streams_refused")
        body = self.door.delivery.closing(reason).frame()
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        await send({"type": "http.response.body", "body": body, "more_body": False})


def _refusal(full: Full) -> Response:
    everybody = full.by == "container"
    return problem(
        503 if everybody else 429,
        "Connection limit reached. Try again later." if everybody else f"Too many streams of one {full.by}. Close one.",
        headers={"Retry-After": str(_RETRY_AFTER)},
        max_connections=full.limit,
        retry_after=_RETRY_AFTER,
    )


def _log_end(stream: Stream, scope: Scope, reason: str, clock: Callable[[], float]) -> None:
    tickers = stream.wanted.tickers
    logger.info(
        "stream closed",
        extra={
            "connection_id": stream.connection_id,
            "peer": (scope.get("client") or ("unknown",))[0],
            "tickers": None if tickers is None else sorted(tickers),
            "resume": stream.start.resume,
            "replayed": stream.replayed,
            "seconds": round(clock() - stream.opened_at, 3),
            "events": stream.events,
            "bytes": stream.bytes,
            "reason": reason,
        },
    )
