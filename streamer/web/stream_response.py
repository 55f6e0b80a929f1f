"""The HTTP response of a stream request: a stream, or a refusal.

It is a response class of its own, because the frames are encoded already. The slot is acquired and released around the
whole ASGI call: a StreamingResponse could not release it, since a generator that never started never runs its
`finally`."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from functools import partial
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
from streamer.streams.turns import Step
from streamer.telemetry.counters import Counters
from streamer.web.configurations import not_found
from streamer.web.parameters import StreamParameters
from streamer.web.problems import problem

logger = logging.getLogger(__name__)

LEAVE_BY: Final = "streamer.leave_by_ms"
"""Name of our ASGI extension: the latest end of a stream (Unix milliseconds), or None. Set by the Lambda adapter."""

_HEADERS = [
    # Some clients decode a body without charset as Latin-1.
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
    # A reconnect opens a new connection, for which a load balancer can choose another container.
    (b"connection", b"close"),
]

# Without no-transform a proxy that compresses may buffer a stream (RFC 9111, section 5.2.2.6).
_PUBLIC = [*_HEADERS, (b"cache-control", b"no-cache, no-transform")]
_PRIVATE = [*_HEADERS, (b"cache-control", b"no-store, no-transform")]


class SubscriptionSource(Protocol):
    """Subscribes to configurations, and changes the filters of their streams. Used in the event loop only."""

    async def enter(self, user_id: str, config_id: str) -> ConfigurationSubscription[OpenStream] | None:
        """Subscribes until `leave`; None if the configuration does not exist. Raises TableError."""

    def leave(self, subscription: ConfigurationSubscription[OpenStream]) -> None:
        """Ends the subscription of one request."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The configuration of a stream. Its `repr` contains no ids."""

    user_id: str = field(repr=False)
    config_id: str = field(repr=False)
    deadline_ms: int | None
    """Expiry of the ticket (Unix milliseconds); None without a ticket."""


@dataclass(frozen=True, slots=True)
class StreamResponder:
    """Creates the response for each stream request with valid parameters."""

    delivery: Delivery
    admission: Admission
    counters: Counters
    caught_up: Callable[[Request], Awaitable[None]] | None = None
    """Awaited before a stream opens: a container that has just started would otherwise send a `reset` that is
    unnecessary a moment later."""
    subscriptions: SubscriptionSource | None = None
    """None: every configuration is a 404."""
    now_ms: Callable[[], int] = wall_ms

    def response(
        self,
        parameters: StreamParameters,
        *,
        subject: Subject | None = None,
        user: str | None = None,
        address: str | None = None,
    ) -> Response:
        """`user` and `address`, if known, count for admission. With a subject the stream has the tickers of this
        configuration, and follows its changes."""
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
            await self._head(send)
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
                    request.subscription = await self._subscribe(self.subject)
                await self._stream(scope, receive, send, request)
            except BaseException:
                request.end("error")
                raise
        elif self.parameters.waits_when_full:
            await self._refuse("server_busy", send)
        else:
            responder.counters.add("streams_refused")
            await _refusal(slot)(scope, receive, send)

    async def _subscribe(self, subject: Subject) -> ConfigurationSubscription[OpenStream]:
        """Raises RequestError (404) if the configuration is not the user's or has no stream."""
        source = self.responder.subscriptions or not_found()
        return await source.enter(subject.user_id, subject.config_id) or not_found()

    async def _head(self, send: Send) -> None:
        """Responds to HEAD. It takes no slot."""
        subscriptions = self.responder.subscriptions
        expired = self.subject is not None and self.responder.now_ms() >= (self.subject.deadline_ms or float("inf"))
        if self.subject is not None and not expired:
            subscription = await self._subscribe(self.subject)
            if subscriptions is not None:
                subscriptions.leave(subscription)
        await self._begin(send)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _stream(self, scope: Scope, receive: Receive, send: Send, request: _StreamRequest) -> None:
        """Sends the head, and takes a turn for the opening."""
        extensions = scope.get("extensions", {})
        transport_sink = TransportSink() if TAKEOVER in extensions else None
        await self._begin(send, transport_sink)
        opening = partial(self._open, request, extensions.get(LEAVE_BY), scope.setdefault("state", {}))
        if transport_sink is not None and transport_sink.attached:
            transport_sink.on_lost = request.end  # the stream continues after the ASGI call has returned
            request.take_turn(partial(opening, transport_sink))
        else:
            sink = AsgiSink(send)
            request.take_turn(partial(opening, sink))
            await sink.run(receive)
            request.end()

    def _open(
        self,
        request: _StreamRequest,
        leave_by_ms: int | None,
        state: MutableMapping[str, Any],
        sink: TransportSink | AsgiSink,
    ) -> None:
        """Opens the stream. If its configuration is gone by now, the stream only says so."""
        request.opening = None
        stream_filter, subscription = self.parameters.filter, request.subscription
        gone = subscription is not None and subscription.shows is None
        if subscription is not None and not gone:
            stream_filter = stream_filter.of(subscription)
        try:
            stream = request.stream = self.responder.delivery.open(
                sink,
                stream_filter,
                self.parameters.start,
                since=None if subscription is None else subscription.since,
                deadline_ms=None if self.subject is None else self.subject.deadline_ms,
                leave_by_ms=leave_by_ms,
                end_reason="configuration_gone" if gone else None,
            )
        except Exception:
            logger.exception("a stream could not be opened")
            sink.abort()
            request.end("error")
            return
        sink.connection_id = stream.connection_id
        state["connection_id"] = stream.connection_id  # for log lines of middleware
        if subscription is not None:
            subscription.streams.add(stream)
        request.log_opened()

    async def _refuse(self, reason: ClosingReason, send: Send) -> None:
        self.responder.counters.add("streams_refused")
        await self._close(reason, send)

    async def _close(self, reason: ClosingReason, send: Send) -> None:
        """Responds with 200 and `closing`: with any other status a browser's EventSource would stop for good."""
        await self._begin(send)
        body = self.responder.delivery.closing(reason, self.parameters.start)
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _begin(self, send: Send, sink: TransportSink | None = None) -> None:
        headers = _PUBLIC if self.subject is None else _PRIVATE
        start: Message = {"type": "http.response.start", "status": 200, "headers": list(headers)}
        if sink is not None:
            start[TAKEOVER] = sink
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
    """The resources of a stream request: slot, subscription, turn and stream. Released once, by `end`."""

    __slots__ = ("_peer", "_responder", "_slot", "opening", "stream", "subscription")

    def __init__(self, responder: StreamResponder, slot: Slot, scope: Scope) -> None:
        self._responder = responder
        self._slot: Slot | None = slot
        self._peer: str = (scope.get("client") or ("unknown",))[0]
        self.subscription: ConfigurationSubscription[OpenStream] | None = None
        self.stream: OpenStream | None = None
        self.opening: Step | None = None
        """Opens the stream; None unless it waits for its turn."""

    def take_turn(self, opening: Step) -> None:
        """Opens the stream now or, if others wait, in its turn. `end` gives the turn up."""
        self.opening = opening
        self._responder.delivery.turns.take(opening)

    def log_opened(self) -> None:
        """Logs the start of the stream."""
        assert self.stream is not None  # noqa: S101 - called after it was set
        resume = self.stream.start.resume
        extra = {"connection_id": self.stream.connection_id, "peer": self._peer, "resume": resume}
        logger.info("stream opened", extra=extra)

    def end(self, reason: str = "client_gone") -> None:
        """Releases everything and logs the end. `reason` is logged if the stream has no `close_reason`. A second call
        does nothing."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        responder, stream, subscription = self._responder, self.stream, self.subscription
        if self.opening is not None:
            responder.delivery.turns.leave(self.opening)
            self.opening = None
        if reason == "client_gone" and stream is not None:
            reason = stream.close_reason or reason
        try:
            if stream is not None:
                responder.delivery.forget(stream)
                if subscription is not None:
                    subscription.streams.discard(stream)
                _log_end(stream, self._peer, reason, responder.delivery.clock)
        finally:
            if subscription is not None and responder.subscriptions is not None:
                responder.subscriptions.leave(subscription)
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
