"""One client's stream as an HTTP response.

A response class of our own, since the bytes are encoded already. The slot is taken and given back around the whole ASGI
call, because a generator that never started never runs its `finally`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from streamer.clock import wall_ms
from streamer.hub.resume import Request
from streamer.hub.subscription import ConfigurationSubscription
from streamer.sse.events import ClosingReason
from streamer.streams.admission import Admission, By, Full, Slot
from streamer.streams.asgi import AsgiSink
from streamer.streams.delivery import Delivery
from streamer.streams.stream import OpenStream
from streamer.streams.transport import TAKEOVER, TransportSink
from streamer.telemetry.counters import Counters
from streamer.web.configurations import not_found
from streamer.web.parameters import StreamParameters
from streamer.web.problems import problem

logger = logging.getLogger(__name__)

LEAVE_BY: Final = "streamer.leave_by_ms"
"""An ASGI extension of ours: what serves the application may say when a stream has to be over, Unix milliseconds, or
None."""

_HEADERS = [
    # Some clients read what has no charset as Latin-1.
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
    # A reconnect takes a new connection, so that a load balancer may choose another container.
    (b"connection", b"close"),
]

# Without no-transform a compressor may hold a stream back for ever (RFC 9111, section 5.2.2.6).
_PUBLIC = [*_HEADERS, (b"cache-control", b"no-cache, no-transform")]
_OF_ONE_USER = [*_HEADERS, (b"cache-control", b"no-store, no-transform")]


class SubscriptionSource(Protocol):
    """The configurations that streams show; it changes the streams with them. In the event loop."""

    async def enter(self, user_id: str, config_id: str) -> ConfigurationSubscription[OpenStream] | None:
        """The configuration, until it is given back; None: there is none. Raises TableError."""

    def leave(self, watch: ConfigurationSubscription[OpenStream]) -> None:
        """Gives it back."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose configuration a stream is to show. Its `repr` shows neither."""

    user_id: str = field(repr=False)
    config_id: str = field(repr=False)
    deadline_ms: int | None
    """Of the ticket, Unix milliseconds; None: there is no ticket."""


class StreamResponder:
    """Makes the response for each stream request whose parameters are right: a stream, or why there is none."""

    def __init__(
        self,
        delivery: Delivery,
        admission: Admission,
        counters: Counters,
        caught_up: Callable[[Request], Awaitable[None]] | None = None,
        subscriptions: SubscriptionSource | None = None,
        now_ms: Callable[[], int] = wall_ms,
    ) -> None:
        """A stream waits until `caught_up` returns for its start: a container that has only just begun would answer
        `reset` a moment before it knows better. Without `subscriptions` there are no configurations."""
        self.delivery = delivery
        self.admission = admission
        self.counters = counters
        self.caught_up = caught_up
        self.subscriptions = subscriptions
        self.now_ms = now_ms

    def response(
        self,
        parameters: StreamParameters,
        *,
        subject: Subject | None = None,
        user: str | None = None,
        address: str | None = None,
    ) -> Response:
        """User and address, where known, count for admission. With a subject the stream has the tickers of that
        configuration, and changes with it."""
        return _StreamResponse(self, parameters, subject, user, address)


class _StreamResponse(Response):
    def __init__(
        self,
        responder: StreamResponder,
        parameters: StreamParameters,
        subject: Subject | None,
        user: str | None,
        address: str | None,
    ) -> None:
        self.responder = responder
        self.parameters = parameters
        self.subject = subject
        self.user = user
        self.address = address
        self.background = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "HEAD":
            await self._begin(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        responder = self.responder
        deadline_ms = None if self.subject is None else self.subject.deadline_ms
        leave_by_ms = scope.get("extensions", {}).get(LEAVE_BY)
        if deadline_ms is not None and responder.now_ms() >= deadline_ms:
            await self._close("ticket_expired", send)
            return
        if responder.delivery.draining:
            await self._refuse("drain", send)
            return
        if leave_by_ms is not None and responder.now_ms() >= leave_by_ms:
            await self._close("lifetime", send)
            return
        slot = responder.admission.acquire(self.user, self.address)
        if not isinstance(slot, Full):
            request = _StreamRequest(responder, slot, scope)
            try:
                if responder.caught_up is not None:
                    await responder.caught_up(self.parameters.start)
                if self.subject is not None:
                    source = responder.subscriptions or not_found()
                    request.watch = await source.enter(self.subject.user_id, self.subject.config_id) or not_found()
                await self._stream(scope, receive, send, request)
            except BaseException:
                request.end("error")
                raise
        elif self.parameters.waits_when_full:
            await self._refuse("server_busy", send)
        else:
            responder.counters.add("streams_refused")
            await _refusal(slot)(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, request: _StreamRequest) -> None:
        wanted, since, deadline_ms = self.parameters.wanted, None, None
        if request.watch is not None:
            if request.watch.shows is None:  # in this moment
                await self._close("configuration_gone", send)
                request.end()
                return
            wanted, since = replace(wanted, tickers=request.watch.shows), request.watch.since
            deadline_ms = self.subject.deadline_ms if self.subject is not None else None
        extensions = scope.get("extensions", {})
        taken = TransportSink() if TAKEOVER in extensions else None
        await self._begin(send, taken)
        sink: TransportSink | AsgiSink = taken if taken is not None and taken.attached else AsgiSink(send)
        stream = request.stream = self.responder.delivery.open(
            sink,
            wanted,
            self.parameters.start,
            since=since,
            deadline_ms=deadline_ms,
            leave_by_ms=extensions.get(LEAVE_BY),
        )
        sink.connection_id = stream.connection_id
        scope.setdefault("state", {})["connection_id"] = stream.connection_id  # for the logs of what wraps this
        if request.watch is not None:
            request.watch.streams.add(stream)
        request.log_opened()
        if isinstance(sink, TransportSink):
            sink.on_lost = request.end  # the ASGI call ends here, the stream goes on
        else:
            await sink.run(receive)
            request.end()

    async def _refuse(self, reason: ClosingReason, send: Send) -> None:
        self.responder.counters.add("streams_refused")
        await self._close(reason, send)

    async def _close(self, reason: ClosingReason, send: Send) -> None:
        """200, a `retry:` and the end: any other status would end a browser's EventSource for good."""
        await self._begin(send)
        body = self.responder.delivery.closing(reason)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _begin(self, send: Send, taken: TransportSink | None = None) -> None:
        headers = _PUBLIC if self.subject is None else _OF_ONE_USER
        start: Message = {"type": "http.response.start", "status": 200, "headers": list(headers)}
        if taken is not None:
            start[TAKEOVER] = taken
        await send(start)


_REFUSED: dict[By, str] = {
    "container": "Connection limit reached. Try again later.",
    "user": "Too many streams of one user. Close one.",
    "address": "Too many streams of one address. Close one.",
    "openings": "Streams are opened too often from one address. Try again later.",
}


def _refusal(full: Full) -> Response:
    limit: dict[str, Any] = {"openings_per_second" if full.by == "openings" else "max_connections": full.limit}
    return problem(503 if full.by == "container" else 429, _REFUSED[full.by], **limit, retry_after=full.retry_after)


class _StreamRequest:
    """What a request holds until its stream ends, and gives back once, whatever ends it."""

    __slots__ = ("_peer", "_responder", "_slot", "stream", "watch")

    def __init__(self, responder: StreamResponder, slot: Slot, scope: Scope) -> None:
        self._responder = responder
        self._slot: Slot | None = slot
        self._peer: str = (scope.get("client") or ("unknown",))[0]
        self.watch: ConfigurationSubscription[OpenStream] | None = None
        self.stream: OpenStream | None = None

    def log_opened(self) -> None:
        """The line at a stream's beginning."""
        assert self.stream is not None  # noqa: S101 - a bug, not an input
        start = self.stream.start.resume
        extra = {"connection_id": self.stream.connection_id, "peer": self._peer, "resume": start}
        logger.info("stream opened", extra=extra)

    def end(self, reason: str = "client_gone") -> None:
        """The request is over, for this reason unless its stream was closed for another. Ending twice does nothing."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        responder, stream, watch = self._responder, self.stream, self.watch
        if reason == "client_gone" and stream is not None:
            reason = stream.close_reason or reason
        try:
            if stream is not None:
                responder.delivery.forget(stream)
                if watch is not None:
                    watch.streams.discard(stream)
                _log_end(stream, self._peer, reason, responder.delivery.clock)
        finally:
            if watch is not None and responder.subscriptions is not None:
                responder.subscriptions.leave(watch)
            slot.release()


def _log_end(stream: OpenStream, peer: str, reason: str, clock: Callable[[], float]) -> None:
    tickers = stream.filter.tickers
    logger.info(
        "stream closed",
        extra={
            "connection_id": stream.connection_id,
            "peer": peer,
            "tickers": None if tickers is None else sorted(tickers),
            "resume": stream.start.resume,
            "replayed": stream.replayed,
            "seconds": round(clock() - stream.opened_at, 3),
            "events": stream.events,
            "bytes": stream.bytes,
            "reason": reason,
        },
    )
