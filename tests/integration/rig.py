"""The real application on a real uvicorn and a real socket, with the hub in the test's hand in place of intake."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.types import ASGIApp

from streamer.aws.secrets import Secrets
from streamer.change import Change, Key, iso_time
from streamer.cursor import Page
from streamer.errors import RequestError
from streamer.functions.adapter import LambdaAdapter
from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.window import Window
from streamer.present import Present
from streamer.series import SeriesPage, SeriesRequest
from streamer.server.limits import ConnectionLimits
from streamer.server.server import HttpServer
from streamer.server.sockets import listen
from streamer.sse.events import Metrics
from streamer.streams.admission import Admission
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.telemetry.counters import Counters
from streamer.telemetry.prometheus import Values
from streamer.web.app import RestPart, create_app
from streamer.web.configurations import ConfigurationStore
from streamer.web.health import Readiness
from streamer.web.identity import CallerIdentity
from streamer.web.scrape import ScrapeAccess
from streamer.web.stream import StreamPart
from streamer.web.stream_response import StreamResponder
from streamer.web.tickets import Tickets
from tests.factories import change, state
from tests.watchdog import WATCHDOG

takes_over = True
"""Whether streams take their connection over, or go out by plain ASGI: what a test relies on is the same."""


class Nobody:
    """An identity that knows nobody."""

    def user(self, _: object) -> str:
        """Nobody."""
        raise RequestError(401, "Missing user identification")

    def address(self, _: object) -> None:
        """From nowhere."""


class Trusted:
    """Push that has brought every change."""

    complete_after_ms = 0


class NoSnapshot:
    """A table without items."""

    async def page(self, *_: object) -> Page:
        """Nothing, and nothing more."""
        return Page((), None)

    async def series(self, request: SeriesRequest) -> SeriesPage:
        """No bucket."""
        return SeriesPage(request.bucket, iso_time(0), (), None, None)


@dataclass(frozen=True)
class Users:
    """Who is known, and what they have."""

    identity: CallerIdentity
    configurations: ConfigurationStore | None


@dataclass(eq=False)
class Rig:
    """A running server; `base` is its URL."""

    base: str
    port: int
    hub: Hub[OpenStream]
    delivery: Delivery
    admission: Admission
    counters: Counters
    server: HttpServer

    def publish(self, *labels: str, ticker: str = "AAPL", first: int = 1) -> None:
        """Publishes one new item per label and flushes."""
        now_ms = time.time_ns() // 1_000_000
        changes: list[Change] = []
        for seq, label in enumerate(labels, first):
            key = Key(f"{ticker}:{seq}", iso_time(now_ms))
            changes.append(change(state(label, ticker), seq, key=key))
        self.hub.publish(changes, dated_ms=now_ms, now_ms=now_ms)
        self.delivery.schedule_flush()


@asynccontextmanager
async def running(
    *,
    timing: Timing | None = None,
    limit: int = 100,
    cors_origins: tuple[str, ...] = (),
    rest: RestPart | None = None,
    in_lambda: bool = False,
    limits: ConnectionLimits | None = None,
    users: Users | None = None,
    wrap: Callable[[ASGIApp], ASGIApp] | None = None,
) -> AsyncIterator[Rig]:
    """Serves until the block ends; every stream still open is told `drain` then. `wrap` puts a layer around the
    application."""
    counters, admission = Counters(), Admission(limit)
    window = Window(0)
    window.know(0)
    hub: Hub[OpenStream] = Hub(run=1, ledger=Ledger(), history=History(), window=window)
    mode = CurrentMode("push", "as the test wants it", 0)
    delivery = Delivery(hub, counters, lambda: mode, timing or Timing(sweep=0.02))

    async def count() -> Metrics:
        return hub.window.metrics(time.time_ns() // 1_000_000)

    present = Present(hub, Trusted(), NoSnapshot())
    users = users or Users(Nobody(), None)
    app = create_app(
        rest or RestPart(users.identity, users.configurations, snapshot=present, count=count, series=present),
        StreamPart(
            StreamResponder(delivery, admission, counters),
            status=lambda: {"connections": admission.taken},
            history_seconds=900,
            tickets=Tickets(Secrets("TICKET_SECRET"), 900),
            scrape=ScrapeAccess(Secrets("METRICS_TOKEN"), ()),
            values=lambda: Values({}, {}, {}, ""),
        ),
        readiness=lambda: Readiness(not delivery.draining, "as the test wants it"),
        cors_origins=cors_origins,
    )
    if wrap is not None:
        app = wrap(app)
    if in_lambda:
        app = LambdaAdapter(app, lambda: None)
    sock = listen("127.0.0.1", 0)
    taken = (lambda: delivery.connections) if takes_over else None
    server = HttpServer.of(app, limits=limits or ConnectionLimits(connections=limit + 512), handed_over=taken)

    async def sweep() -> None:
        while True:
            delivery.sweep()
            await asyncio.sleep(0.02)

    with sock:
        port = sock.getsockname()[1]
        serving, sweeping = asyncio.create_task(server.serve(sockets=[sock])), asyncio.create_task(sweep())
        try:
            yield Rig(f"http://127.0.0.1:{port}", port, hub, delivery, admission, counters, server)
        finally:
            delivery.drain(0)
            delivery.sweep()
            server.should_exit = True
            await serving
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)


class Events:
    """Reads the events of one open stream, one at a time."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._lines = response.aiter_lines()

    async def next(self) -> dict[str, Any]:
        """The next event as a dictionary of its fields, `data` decoded; comments are passed over."""
        async with asyncio.timeout(WATCHDOG):
            fields: dict[str, Any] = {}
            async for line in self._lines:
                if not line and fields:
                    return fields
                name, _, value = line.partition(": ")
                if name:
                    fields[name] = json.loads(value) if name == "data" else value
            raise EOFError("the stream has ended")

    async def until(self, event: str) -> dict[str, Any]:
        """Reads on until an event of this name."""
        while (got := await self.next())["event"] != event:
            pass
        return got

    async def rest(self) -> list[dict[str, Any]]:
        """Everything until the stream ends."""
        got = []
        try:
            while True:
                got.append(await self.next())
        except EOFError:
            return got


@asynccontextmanager
async def stream(base: str, query: str = "", headers: dict[str, str] | None = None) -> AsyncIterator[Events]:
    """Opens a stream as a client would."""
    async with (
        httpx.AsyncClient(timeout=WATCHDOG, trust_env=False) as client,
        client.stream("GET", f"{base}/api/v2/stream{query}", headers=headers) as response,
    ):
        yield Events(response)


def reset(sock: socket.socket) -> None:
    """Closes a socket with RST in place of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    sock.close()
