"""One client's stream as an HTTP response.

A response of our own over bytes that were encoded once. The slot is taken and given back around the whole ASGI call,
because a generator that never started never runs its `finally`.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Protocol

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from streamer.clock import wall_ms
from streamer.delivery.asgi import AsgiSink
from streamer.delivery.delivery import Delivery
from streamer.delivery.stream import Stream
from streamer.hub.resume import Request
from streamer.hub.watch import Watch
from streamer.sse.events import ClosingReason
from streamer.telemetry.counters import Counters
from streamer.web import invocation
from streamer.web.admission import Admission, Full
from streamer.web.configurations import not_found
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


class Watching(Protocol):
    """Knows the configurations that streams show, and changes the streams with them. In the event loop."""

    async def enter(self, user_id: str, config_id: str) -> Watch[Stream] | None:
        """The configuration, until it is given back; None: there is none. Raises TableError."""

    def leave(self, watch: Watch[Stream]) -> None:
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
            with slot:
                if door.awake is not None:
                    await door.awake()
                if door.knows_past is not None and self.parameters.start != Request():
                    await door.knows_past()
                if self.subject is None:
                    await self._stream(scope, receive, send, None)
                else:
                    await self._watch(self.subject, scope, receive, send)
        elif self.parameters.waits_when_full:
            await self._turn_away("server_busy", send)
        else:
            door.counters.add("streams_refused")
            await _refusal(slot)(scope, receive, send)

    async def _watch(self, subject: Subject, scope: Scope, receive: Receive, send: Send) -> None:
        watching = self.door.watching or not_found()
        watch = await watching.enter(subject.user_id, subject.config_id) or not_found()
        try:
            await self._stream(scope, receive, send, watch)
        finally:
            watching.leave(watch)

    async def _stream(self, scope: Scope, receive: Receive, send: Send, watch: Watch[Stream] | None) -> None:
        delivery, wanted, since, deadline_ms = self.door.delivery, self.parameters.wanted, None, None
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        if watch is not None:
            if watch.shows is None:  # in this moment
                await self._end("configuration_gone", send)
                return
            wanted, since = replace(wanted, tickers=watch.shows), watch.since
            deadline_ms = self.subject.deadline_ms if self.subject is not None else None
        sink = AsgiSink(send)
        stream = delivery.open(
            sink,
            wanted,
            self.parameters.start,
            since=since,
            deadline_ms=deadline_ms,
            leave_by_ms=self.leave_by_ms,
        )
        sink.connection_id = self.connection_id = stream.connection_id
        if watch is not None:
            watch.streams.add(stream)
        _log_begin(stream, scope)
        reason = "client_gone"
        try:
            await sink.run(receive)
            reason = stream.closed_for or reason
        except BaseException:
            reason = "error"
            raise
        finally:
            delivery.forget(stream)
            if watch is not None:
                watch.streams.discard(stream)
            _log_end(stream, scope, reason, delivery.clock)
            if self.door.ended is not None:
                self.door.ended()

    async def _turn_away(self, reason: ClosingReason, send: Send) -> None:
        self.door.counters.add("streams_refused")
        await self._say_goodbye(reason, send)

    async def _say_goodbye(self, reason: ClosingReason, send: Send) -> None:
        """200, a `retry:` and the end: any other status would end a browser's EventSource for good."""
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        await self._end(reason, send)

    async def _end(self, reason: ClosingReason, send: Send) -> None:
        body = self.door.delivery.closing(reason).frame()
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


def _log_begin(stream: Stream, scope: Scope) -> None:
    logger.info(
        "stream opened",
        extra={"connection_id": stream.connection_id, "peer": _peer(scope), "resume": stream.start.resume},
    )


def _peer(scope: Scope) -> str:
    host: str = (scope.get("client") or ("unknown",))[0]
    return host


def _log_end(stream: Stream, scope: Scope, reason: str, clock: Callable[[], float]) -> None:
    tickers = stream.wanted.tickers
    logger.info(
        "stream closed",
        extra={
            "connection_id": stream.connection_id,
            "peer": _peer(scope),
            "tickers": None if tickers is None else sorted(tickers),
            "resume": stream.start.resume,
            "replayed": stream.replayed,
            "seconds": round(clock() - stream.opened_at, 3),
            "events": stream.events,
            "bytes": stream.bytes,
            "reason": reason,
        },
    )
