"""One client's stream as an HTTP response.

A response of our own over bytes that were encoded once. The slot is taken and given back around the whole ASGI call,
because a generator that never started never runs its `finally`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from streamer.clock import wall_ms
from streamer.delivery.asgi import AsgiSink
from streamer.delivery.delivery import Delivery
from streamer.delivery.stream import Stream
from streamer.delivery.transport import TAKEOVER, TransportSink
from streamer.hub.resume import Request
from streamer.hub.subscription import ConfigurationSubscription
from streamer.sse.events import ClosingReason
from streamer.telemetry.counters import Counters
from streamer.web import invocation
from streamer.web.admission import Admission, By, Full, Slot
from streamer.web.configurations import not_found
from streamer.web.parameters import StreamParameters
from streamer.web.problems import problem

logger = logging.getLogger(__name__)

_HEADERS = [
    # Some clients read what has no charset as Latin-1.
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"x-accel-buffering", b"no"),
    # A reconnect takes a new connection, so that a load balancer may choose another container.
    (b"connection", b"close"),
]

# Compressors that do not know of streams hold one back for ever, but for this (RFC 9111, section 5.2.2.6).
_PUBLIC = [*_HEADERS, (b"cache-control", b"no-cache, no-transform")]
_OF_ONE_USER = [*_HEADERS, (b"cache-control", b"no-store, no-transform")]


class Watching(Protocol):
    """Knows the configurations that streams show, and changes the streams with them. In the event loop."""

    async def enter(self, user_id: str, config_id: str) -> ConfigurationSubscription[Stream] | None:
        """The configuration, until it is given back; None: there is none. Raises TableError."""

    def leave(self, watch: ConfigurationSubscription[Stream]) -> None:
        """Gives it back."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose configuration a stream is to show. Its `repr` shows neither."""

    user_id: str = field(repr=False)
    config_id: str = field(repr=False)
    deadline_ms: int | None
    """Of the ticket, Unix milliseconds; None: there is no ticket."""


class StreamDoor:
    """Where streams come in: makes the response for each admitted request, and remembers how to refuse.

    A stream that asks for something of the past waits until `knows_past` returns: a container that has only just begun
    would answer `reset` a moment before it knows better. In Lambda each stream waits until `awake` returns, has said
    goodbye before the function ends, and ends by a complete response, whatever happens.
    """

    def __init__(
        self,
        delivery: Delivery,
        admission: Admission,
        counters: Counters,
        knows_past: Callable[[], Awaitable[None]] | None = None,
        watching: Watching | None = None,
        now_ms: Callable[[], int] = wall_ms,
        *,
        awake: Callable[[], Awaitable[None]] | None = None,
        ended: Callable[[], None] | None = None,
    ) -> None:
        """Without `watching` there are no configurations. `awake`: this is Lambda, where the process was frozen until
        now; returns when it knows again how things stand, or gives up. `ended` is called at each stream's end."""
        self.delivery = delivery
        self.admission = admission
        self.counters = counters
        self.knows_past = knows_past
        self.watching = watching
        self.now_ms = now_ms
        self.awake = awake
        self.ended = ended

    def response(
        self,
        parameters: StreamParameters,
        *,
        subject: Subject | None = None,
        user: str | None = None,
        address: str | None = None,
    ) -> Response:
        """The response for a request whose parameters are right. User and address, where known, count for admission.

        With a subject the stream has the tickers of that configuration, and changes with it.
        """
        return _StreamResponse(self, parameters, subject, user, address)


class _StreamResponse(Response):
    def __init__(
        self,
        door: StreamDoor,
        parameters: StreamParameters,
        subject: Subject | None,
        user: str | None,
        address: str | None,
    ) -> None:
        self.door = door
        self.parameters = parameters
        self.subject = subject
        self.user = user
        self.address = address
        self.background = None
        self.leave_by_ms: int | None = None
        self.connection_id: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("method") == "HEAD":
            await self._begin(send)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        door = self.door
        if door.awake is None:
            await self._answer(scope, receive, send)
            return
        self.leave_by_ms = invocation.leave_by(scope, door.now_ms())
        whole = invocation.Whole(send)
        try:
            await self._answer(scope, receive, whole)
        except Exception:
            if not whole.started:
                raise
            logger.exception("a stream failed", extra={"connection_id": self.connection_id})
        await whole.end()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        door = self.door
        deadline_ms = None if self.subject is None else self.subject.deadline_ms
        if deadline_ms is not None and door.now_ms() >= deadline_ms:
            await self._say_goodbye("ticket_expired", send)
            return
        if door.delivery.draining:
            await self._turn_away("drain", send)
            return
        if self.leave_by_ms is not None and door.now_ms() >= self.leave_by_ms:
            await self._say_goodbye("lifetime", send)
            return
        slot = door.admission.take(self.user, self.address)
        if not isinstance(slot, Full):
            visit = _Visit(door, slot, scope)
            try:
                if door.awake is not None:
                    await door.awake()
                if door.knows_past is not None and self.parameters.start != Request():
                    await door.knows_past()
                if self.subject is not None:
                    watching = door.watching or not_found()
                    visit.watch = await watching.enter(self.subject.user_id, self.subject.config_id) or not_found()
                await self._stream(scope, receive, send, visit)
            except BaseException:
                visit.end("error")
                raise
        elif self.parameters.waits_when_full:
            await self._turn_away("server_busy", send)
        else:
            door.counters.add("streams_refused")
            await _refusal(slot)(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, visit: _Visit) -> None:
        delivery, wanted, since, deadline_ms = self.door.delivery, self.parameters.wanted, None, None
        if visit.watch is not None:
            if visit.watch.shows is None:  # in this moment
                await self._say_goodbye("configuration_gone", send)
                visit.end()
                return
            wanted, since = replace(wanted, tickers=visit.watch.shows), visit.watch.since
            deadline_ms = self.subject.deadline_ms if self.subject is not None else None
        taken = None
        if TAKEOVER in scope.get("extensions", {}) and self.door.awake is None:  # Lambda needs its whole response
            taken = TransportSink()
        await self._begin(send, taken)
        sink: TransportSink | AsgiSink = taken if taken is not None and taken.attached else AsgiSink(send)
        stream = visit.stream = delivery.open(
            sink,
            wanted,
            self.parameters.start,
            since=since,
            deadline_ms=deadline_ms,
            leave_by_ms=self.leave_by_ms,
        )
        sink.connection_id = self.connection_id = stream.connection_id
        if visit.watch is not None:
            visit.watch.streams.add(stream)
        visit.begun()
        if isinstance(sink, TransportSink):
            sink.on_lost = visit.end  # the request ends here, the stream goes on
        else:
            await sink.run(receive)
            visit.end()

    async def _turn_away(self, reason: ClosingReason, send: Send) -> None:
        self.door.counters.add("streams_refused")
        await self._say_goodbye(reason, send)

    async def _say_goodbye(self, reason: ClosingReason, send: Send) -> None:
        """200, a `retry:` and the end: any other status would end a browser's EventSource for good."""
        await self._begin(send)
        body = self.door.delivery.closing(reason).frame()
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


class _Visit:
    """What a stream holds until its end, and gives back once, whatever ends it."""

    __slots__ = ("_door", "_peer", "_slot", "stream", "watch")

    def __init__(self, door: StreamDoor, slot: Slot, scope: Scope) -> None:
        self._door = door
        self._slot: Slot | None = slot
        self._peer: str = (scope.get("client") or ("unknown",))[0]
        self.watch: ConfigurationSubscription[Stream] | None = None
        self.stream: Stream | None = None

    def begun(self) -> None:
        """Says so."""
        assert self.stream is not None  # noqa: S101 - a bug, not an input
        start = self.stream.start.resume
        extra = {"connection_id": self.stream.connection_id, "peer": self._peer, "resume": start}
        logger.info("stream opened", extra=extra)

    def end(self, reason: str = "client_gone") -> None:
        """The stream, if it has begun, has ended, for this reason unless it was told one; ending twice is nothing."""
        slot, self._slot = self._slot, None
        if slot is None:
            return
        door, stream, watch = self._door, self.stream, self.watch
        if reason == "client_gone" and stream is not None:
            reason = stream.closed_for or reason
        try:
            if stream is not None:
                door.delivery.forget(stream)
                if watch is not None:
                    watch.streams.discard(stream)
                _log_end(stream, self._peer, reason, door.delivery.clock)
                if door.ended is not None:
                    door.ended()
        finally:
            if watch is not None and door.watching is not None:
                door.watching.leave(watch)
            slot.give_back()


def _log_end(stream: Stream, peer: str, reason: str, clock: Callable[[], float]) -> None:
    tickers = stream.wanted.tickers
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
