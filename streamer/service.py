"""Builds the service from its settings, runs it, and ends it well."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import get_args

from streamer import __version__, aws
from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.feed import Feed
from streamer.functions.hosting import hosting
from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.resume import Request
from streamer.hub.window import Window
from streamer.intake.failover import Failover, Switch
from streamer.intake.failover import Mode as Way
from streamer.intake.failover import Push as Standing
from streamer.intake.poll import Poll
from streamer.intake.push import Push
from streamer.intake.signals import (
    Heard,
    LeaseFailed,
    LeaseGone,
    LeaseTaken,
    Polled,
    PollFailed,
    Queried,
    QueryFailed,
    Signal,
    Tick,
)
from streamer.intake.survey import Spans
from streamer.place import new_run
from streamer.secrets import Secrets
from streamer.server.limits import ConnectionLimits
from streamer.server.server import GRACE, HttpServer
from streamer.server.sockets import allow_files, listen
from streamer.server.supported import check
from streamer.settings import Settings
from streamer.sse.events import Metrics
from streamer.streams.admission import Admission
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.openings import Openings
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.tables.budget import QueryBudget
from streamer.tables.lane import Configurations, Connection, Lane, Snapshot, public_lane
from streamer.tables.sentiment import SentimentTable
from streamer.tally import Tally
from streamer.telemetry.counters import Counters, Lags
from streamer.telemetry.log_queue import LogQueue
from streamer.telemetry.report import EmfReport, NoReport, Report
from streamer.watching import Watching
from streamer.web.app import RestPart, create_app
from streamer.web.health import Readiness
from streamer.web.identity import CallerIdentity
from streamer.web.stream import StreamPart
from streamer.web.stream_response import StreamResponder
from streamer.web.tickets import Tickets
from streamer.web.traced import traced

logger = logging.getLogger(__name__)

_GRACE = 2.0  # seconds for which a check waits for what push is about to bring
_CHECK_AGAIN = 15.0  # seconds between two looks at a lease through which nothing comes
_CLOCKS = 1_000  # milliseconds by which clocks differ, at least
_OVERDUE = 2  # intervals since the last query, above which time must have stood still
_COLLECT_AFTER = 10_000  # objects more, in place of 700: an event leaves some in ledger and history, and no cycles
_LONGEST_POLL = 2.0  # seconds that a stop waits for a poll


class Service:
    """One container's service. `async with` reads the secrets, which may raise SettingsError, and starts intake and the
    sweep; its end releases the queue."""

    def __init__(self, settings: Settings, loop: asyncio.AbstractEventLoop, logs: LogQueue | None = None) -> None:
        self._settings = settings
        self._loop = loop
        self._counters = Counters()
        if logs is not None:
            logs.counted = lambda: self._counters.add_from_thread("log_lines_dropped")
        self._report: Report = NoReport()
        if settings.metrics == "emf":
            self._report = EmfReport(
                self._counters,
                self._gauges,
                deployment=settings.deployment_name,
                interval=settings.metrics_interval,
                now_ms=wall_ms,
            )
        self._lags = Lags(self._report.sample)
        self._hosting = hosting(settings)
        self._tracing = self._hosting.tracing(settings)
        self._failover = Failover(
            wall_ms(),
            canary_timeout_ms=round(settings.canary_timeout * 1000),
            wait_ms=settings.receive_wait * 1000,
            alone=settings.intake == "poll",
        )
        margin_ms = round(settings.proof_margin * 1000)
        self._hub: Hub[OpenStream] = Hub(
            run=new_run(),
            ledger=Ledger(
                limit=settings.max_items, least_ms=round(settings.catchup * 1000), margin_ms=max(margin_ms, _CLOCKS)
            ),
            history=History(
                keep_ms=round(settings.history_seconds * 1000),
                limit_bytes=settings.history_bytes,
            ),
            window=Window(wall_ms(), limit=settings.max_items),
            margin_ms=margin_ms,
        )
        self._timing = Timing(
            heartbeat=settings.heartbeat_interval, ping=settings.ping_interval, lifetime=settings.lifetime
        )
        self.delivery = Delivery(self._hub, self._counters, self._mode, self._timing)
        self._lane, self._public_lane, self._connection = Lane(), public_lane(), Connection(aws.connect_table)
        users = settings.users_table
        self._configurations = None if users is None else Configurations(self._lane, self._connection, users)
        self._watching = None
        if self._configurations is not None:
            self._watching = Watching(
                self._configurations.get,
                self._configurations.read,
                self._hub,
                self.delivery,
                self._counters,
                margin_ms=margin_ms,
            )
        self._feed = Feed(
            self._hub,
            self.delivery,
            self._counters,
            self._lags,
            table=settings.sentiment_table,
            loop=loop,
            users_table=users,
            watching=self._watching,
            tracing=self._tracing,
        )
        self._push = None
        if settings.intake == "push" and settings.topic_arn is not None:
            self._push = Push(
                lambda: aws.connect(settings.receive_wait),
                self._feed.deliver,
                self._hear_soon,
                topic_arn=settings.topic_arn,
                prefix=settings.queue_prefix,
                wait_seconds=settings.receive_wait,
                asked=lambda: self._counters.add_from_thread("queue_requests"),
            )
        self._leased = threading.Event()
        self._poll = Poll(
            lambda stopping: SentimentTable(aws.connect_table(), settings.sentiment_table, stopping, self._table_asked),
            self._feed,
            self._hear_soon,
            interval=self._until_query,
            grace=lambda: _GRACE if self._failover.push is Standing.PROVEN else 0.0,
            spans=Spans(settings.lookback, 0 if self._push is None else settings.catchup, settings.window_fill),
            margin=settings.proof_margin,
            leased=None if self._push is None else self._leased,
            alone=self._push is None,
            beside=self._feed.beside,
        )
        self._feed.on_heard = lambda relayed_at: self._hear(Heard(relayed_at))
        self._feed.on_undecided = self._poll.read_soon
        self._admission = Admission(
            settings.max_connections,
            reserved=settings.reserved,
            per_user=settings.per_user,
            per_address=settings.per_address,
            openings=None if settings.openings is None else Openings(settings.openings, settings.openings_at_once),
        )
        self._sweeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._queried_ms = 0  # when the newest query that was taken in whole began
        self._next_query = asyncio.Event()
        self._checked_at = 0.0
        gateway = Secrets("GATEWAY_SECRET", settings.gateway_secret)
        sealing = Secrets("TICKET_SECRET", settings.ticket_secret)
        self._secrets = (gateway, sealing)
        identity = self._hosting.identity(settings, gateway)
        app = create_app(
            self._rest(identity),
            StreamPart(
                StreamResponder(self.delivery, self._admission, self._counters, self._caught_up, self._watching),
                status=self.status,
                history_seconds=settings.history_seconds,
                tickets=Tickets(sealing, settings.ticket_lifetime),
            ),
            readiness=self.readiness,
            cors_origins=settings.cors_origins,
        )
        app = self._hosting.application(app, self._report.flush)
        self.app = app if settings.tracing == "none" else traced(app, self._tracing)

    def _rest(self, identity: CallerIdentity) -> RestPart:
        settings, connection = self._settings, self._connection
        tally = Tally(
            lambda: SentimentTable(connection(), settings.sentiment_table, threading.Event(), self._table_asked)
        )

        async def count() -> Metrics:
            if self._hosting.sleeps:  # and counts nothing meanwhile
                return await self._public_lane(tally.metrics)
            return self._hub.window.metrics(wall_ms())

        return RestPart(
            identity=identity,
            configurations=self._configurations,
            snapshot=Snapshot(
                self._public_lane,
                connection,
                settings.sentiment_table,
                self._table_asked,
                budget=QueryBudget(settings.snapshot_queries),
            ),
            count=count,
        )

    async def __aenter__(self) -> Service:
        for secrets in self._secrets:
            await asyncio.to_thread(secrets.read)
        if self._push is not None:
            self._push.start()
        self._poll.start()
        self._sweeper = self._loop.create_task(self._sweep())
        self._report.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await asyncio.to_thread(self._poll.stop, 1.0)
        self._lane.close()
        self._public_lane.close()
        if self._push is not None:
            # A poll under way may last longer than a stop should: then the queue goes first, the thread with the
            # process.
            await asyncio.to_thread(self._push.stop, min(self._settings.receive_wait, _LONGEST_POLL) + 1.0)
        await self._report.end()

    async def drain(self) -> None:
        """Says goodbye to every stream, spread over the drain window, and waits until they have ended."""
        self.delivery.drain(self._settings.drain_window)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_window + GRACE):
                await self._admission.wait_empty()

    def status(self) -> Mapping[str, object]:
        """What /api/v2/stream/status says; no ARN, no queue name."""
        now_ms = wall_ms()
        watermark_ms = self._hub.watermark_ms or None
        return {
            "connections": self._admission.taken,
            "max_connections": self._admission.limit,
            "available": self._admission.available,
            "available_to_all": self._admission.available_to_all,
            "uptime_seconds": round(self.delivery.uptime, 3),
            "mode": self._failover.mode,
            "mode_reason": self._failover.reason,
            "mode_since": iso_time(self._failover.since_ms),
            "ages": {
                "change_seconds": _age(self._feed.changed_ms, now_ms),
                "canary_seconds": _age(self._feed.canary_ms, now_ms),
                "watermark_seconds": _age(watermark_ms, now_ms),
            },
            "lag": self._lags.snapshot(),
            "counters": self._counters.snapshot(),
            "version": __version__,
        }

    def _gauges(self) -> Mapping[str, float | None]:
        now_ms = wall_ms()
        return {
            "streams_open": self._admission.taken,
            **{f"mode_{mode}": int(self._failover.mode == mode) for mode in get_args(Way)},
            "canary_age": _age(self._feed.canary_ms, now_ms),
            "watermark_age": _age(self._hub.watermark_ms or None, now_ms),
        }

    def _table_asked(self) -> None:
        """Called by any thread."""
        self._counters.add_from_thread("table_requests")

    def readiness(self) -> Readiness:
        """Ready once the table has been read, or when it has not for `ready_after` seconds: then serve, and say so."""
        if self.delivery.draining:
            return Readiness(False, "draining")
        if self._ready.is_set() or self.delivery.uptime >= self._settings.ready_after:
            return Readiness(True, f"{self._failover.mode}: {self._failover.reason}")
        return Readiness(False, self._failover.reason)

    async def started(self) -> None:
        """Returns when the service is ready."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.ready_after):
                await self._ready.wait()

    async def _caught_up(self, start: Request) -> None:
        """Returns when a stream that begins there can be told the truth, or after `ready_after`."""
        if self._hosting.sleeps:
            await self._awake()
        if start != Request():
            await self._knows_past()

    async def _knows_past(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.ready_after - self.delivery.uptime):
                await self._ready.wait()

    async def _awake(self) -> None:
        """A process that was frozen knows nothing since its last query: waits for one that begins now."""
        came_ms = wall_ms()  # the other clock may have stood still
        if came_ms - self._queried_ms <= _OVERDUE * self._until_query() * 1000:
            return
        self._poll.soon()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.ready_after):
                while self._queried_ms < came_ms:
                    await self._next_query.wait()

    def _mode(self) -> CurrentMode:
        return CurrentMode(self._failover.mode, self._failover.reason, self._failover.since_ms)

    def _until_query(self) -> float:
        """Called by the polling thread."""
        checks = self._failover.push is Standing.PROVEN
        return self._settings.verify_interval if checks else self._settings.poll_interval

    def _hear_soon(self, heard: Signal) -> None:
        """Called by intake's threads."""
        self._loop.call_soon_threadsafe(self._hear, heard)

    def _hear(self, heard: Signal) -> None:
        match heard:
            case LeaseTaken():
                self._counters.add("leases_taken")
                self._poll.queue_taken()
            case LeaseFailed():
                self._counters.add("lease_failures")
            case LeaseGone():
                self._counters.add("leases_lost")
            case PollFailed():
                self._counters.add("receive_failures")
            case Polled():
                self._counters.add("deletes_failed", heard.undeleted)
            case QueryFailed():
                self._counters.add("queries_failed")
            case Queried(began_ms):
                self._queried_ms = began_ms
                self._next_query.set()
                self._next_query = asyncio.Event()
                if not self._ready.is_set():
                    self._ready.set()
                    logger.info("ready", extra={"streams": len(self.delivery.streams)})
        if isinstance(heard, LeaseTaken | LeaseFailed):
            self._leased.set()
        standing = self._failover.push
        switch = self._failover.hear(heard, wall_ms())
        if self._push is not None:
            self._check(self._push, standing)
        if switch is not None:
            self._tell_switch(switch)

    def _check(self, push: Push, standing: Standing) -> None:
        """What a standing of push asks for, and what its change from the one before does."""
        if self._failover.push is not Standing.PROVEN and self.delivery.uptime >= self._checked_at + _CHECK_AGAIN:
            self._checked_at = self.delivery.uptime
            push.check_soon()
        if self._failover.push is not standing:
            if self._failover.push is Standing.PROVEN:
                self._poll.catch_up()
            elif standing is Standing.PROVEN:
                self._poll.soon()
                self._checked_at = self.delivery.uptime
                push.check_soon()

    def _tell_switch(self, switch: Switch) -> None:
        self._counters.add("mode_switches")
        logger.info("mode switched", extra={"mode": switch.mode, "before": switch.before, "reason": switch.reason})
        self.delivery.announce_mode()

    async def _sweep(self) -> None:
        while True:
            try:
                self._hear(Tick())
                self.delivery.sweep()
            except Exception:
                logger.exception("the sweep failed")
            await asyncio.sleep(self._timing.sweep)


async def _spare_the_collector(service: Service) -> None:
    """What start-up made stays until the end, so the garbage collector need not look at it again and again; and what
    it does look at, seldom. docs/benchmarks.md has what that does for the slowest events."""
    await service.started()
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER, 20, 50)


async def _serve(settings: Settings, sock: socket.socket, connections: int, logs: LogQueue | None) -> None:
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()

    def stop() -> None:
        if stopping.is_set():
            logger.warning("stopped at once; the queue is left to the reaper")
            if logs is not None:
                logs.flush()
            os._exit(1)
        stopping.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, stop)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
    service = Service(settings, loop, logs)
    limits = ConnectionLimits(idle=settings.keep_alive, connections=connections)
    server = HttpServer.of(service.app, limits=limits, taken=lambda: len(service.delivery.streams))
    async with service:
        serving = loop.create_task(server.serve(sockets=[sock]))
        sparing = loop.create_task(_spare_the_collector(service))
        waiting = loop.create_task(stopping.wait())
        host, port = sock.getsockname()[:2]
        logger.info("serving", extra={"host": host, "port": port, "version": __version__})
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        sparing.cancel()
        if stopping.is_set():
            logger.info("draining", extra={"streams": len(service.delivery.streams)})
            await service.drain()
            server.should_exit = True
        await serving
    logger.info("stopped", extra={"uptime_seconds": round(service.delivery.uptime, 1)})


def serve(settings: Settings, logs: LogQueue | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then drains and returns. A second signal ends the process at once. `logs`: the
    handler whose lost lines are counted, if there is one."""
    check()
    connections = allow_files(settings.max_connections)
    sock = listen(settings.host, settings.port)
    with sock, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_serve(settings, sock, connections, logs))


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """None: asyncio's own loop, where uvloop is not installed, as on Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _age(moment_ms: int | None, now_ms: int) -> float | None:
    return None if moment_ms is None else round(max(0, now_ms - moment_ms) / 1000, 3)
