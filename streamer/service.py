"""Builds the service from its settings, starts it, and ends it."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import partial

from starlette.types import ASGIApp

from streamer.aws.clients import TableClient
from streamer.aws.secrets import Secrets
from streamer.aws.worker import Worker
from streamer.clock import wall_ms
from streamer.functions.hosting import hosting
from streamer.hub.history import History
from streamer.hub.hub import Hub
from streamer.hub.ledger import Ledger
from streamer.hub.resume import Request
from streamer.hub.window import Window
from streamer.intake.failover import Failover
from streamer.intake.intake import Intake
from streamer.intake.poll import PollSettings
from streamer.intake.push import QueueSettings
from streamer.memory import Memory
from streamer.place import new_run
from streamer.present import Present
from streamer.publisher import Publisher
from streamer.server.server import GRACE
from streamer.settings import Settings
from streamer.sse.events import Metrics
from streamer.status import ServiceStatus
from streamer.streams.admission import Admission
from streamer.streams.delivery import Delivery
from streamer.streams.mode import CurrentMode
from streamer.streams.openings import Openings
from streamer.streams.stream import OpenStream
from streamer.streams.timing import Timing
from streamer.subscriptions import ConfigurationSubscriptions
from streamer.tables.budget import QueryBudget
from streamer.tables.configurations import ConfigurationTable
from streamer.tables.counts import Counts
from streamer.tables.recent import RecentPages
from streamer.tables.retry import IN_THE_BACKGROUND, TableCalls
from streamer.tables.sentiment import SentimentTable
from streamer.tables.series import SeriesTable
from streamer.tables.snapshot import SnapshotTable
from streamer.telemetry.counters import Counters, Lags
from streamer.telemetry.log_queue import LogQueue
from streamer.telemetry.report import EmfReport, NoReport, Report
from streamer.web.app import RestPart, create_app
from streamer.web.scrape import ScrapeAccess
from streamer.web.stream import StreamPart
from streamer.web.stream_response import StreamResponder
from streamer.web.tickets import Tickets
from streamer.web.traced import traced

_MAX_CALLS, _MAX_PUBLIC_CALLS = 200, 100  # calls of the tables that wait or run
_CLOCKS = 1_000  # milliseconds; lower bound of the clock skew that the ledger assumes


class Service:
    """One container's service, created in the event loop. `async with` reads the secrets, which may raise
    SettingsError, and starts the tasks; at its end it releases the queue."""

    def __init__(self, settings: Settings, logs: LogQueue | None = None) -> None:
        self._settings = settings
        self._logs = logs
        self._counters = Counters()
        self._report: Report = NoReport()
        if settings.metrics == "emf":
            self._report = EmfReport(
                self._counters,
                lambda: self.status.gauges(),  # noqa: PLW0108 - there is no status yet
                deployment=settings.deployment_name,
                interval=settings.metrics_interval,
                now_ms=wall_ms,
            )
        self._client = TableClient()
        self._tables = Worker("tables", threads=8, limit=_MAX_CALLS)
        self._public = Worker(
            "snapshots", threads=4, limit=_MAX_PUBLIC_CALLS
        )  # public reads must not delay configurations
        self._polling = Worker("intake-poll")
        self._failover = Failover(
            wall_ms(),
            canary_timeout_ms=round(settings.canary_timeout * 1000),
            wait_ms=settings.receive_wait * 1000,
            alone=settings.intake == "poll",
        )
        timing = Timing(heartbeat=settings.heartbeat_interval, ping=settings.ping_interval, lifetime=settings.lifetime)
        self._hub = self._build_hub()
        self.delivery = Delivery(self._hub, self._counters, partial(_current_mode, self._failover), timing)
        self._configurations = None
        self._subscriptions = None
        if settings.users_table is not None:
            self._configurations = ConfigurationTable(TableCalls(self._tables, self._client), settings.users_table)
            self._subscriptions = ConfigurationSubscriptions(
                self._configurations,
                self._hub,
                self.delivery,
                self._counters,
            )
        self._hosting = hosting(settings)
        self._tracing = self._hosting.tracing(settings)
        self._scraping = Secrets("METRICS_TOKEN", () if settings.in_lambda else settings.metrics_token)
        self._scrape = ScrapeAccess(
            self._scraping,
            () if settings.in_lambda else settings.metrics_networks,
            proxies=(*settings.trusted_proxies, *settings.forwarding_proxies),
        )
        lags = Lags(self._report.sample, histograms=bool(self._scrape))
        publisher = Publisher(
            self._hub, self.delivery, self._counters, lags, subscriptions=self._subscriptions, tracing=self._tracing
        )
        self.intake = self._build_intake(publisher)
        self._admission = Admission(
            settings.max_connections,
            reserved=settings.reserved,
            per_user=settings.per_user,
            per_address=settings.per_address,
            openings=None if settings.openings is None else Openings(settings.openings, settings.openings_at_once),
        )
        self.status = ServiceStatus(
            self._failover,
            publisher,
            self._hub,
            self.delivery,
            self._admission,
            self._counters,
            lags,
            self._subscriptions,
        )
        self._pages = RecentPages()
        self._memory = Memory(
            self._hub,
            self.delivery,
            self._admission,
            publisher,
            self.intake.poll,
            pages=self._pages,
            workers={self._tables: _MAX_CALLS, self._public: _MAX_PUBLIC_CALLS},
        )
        self._memory.subscriptions, self._memory.logs = self._subscriptions, logs
        self._gateway = Secrets("GATEWAY_SECRET", settings.gateway_secret)
        self._sealing = Secrets("TICKET_SECRET", settings.ticket_secret)
        self.app = self._build_app()
        self._tasks: list[asyncio.Task[None]] = []

    def _build_hub(self) -> Hub[OpenStream]:
        settings = self._settings
        margin_ms = round(settings.proof_margin * 1000)
        return Hub(
            run=new_run(),
            ledger=Ledger(
                limit=settings.max_items, least_ms=round(settings.catchup * 1000), margin_ms=max(margin_ms, _CLOCKS)
            ),
            history=History(keep_ms=round(settings.history_seconds * 1000), limit_bytes=settings.history_bytes),
            window=Window(wall_ms(), limit=settings.max_items),
            margin_ms=margin_ms,
        )

    def _build_intake(self, publisher: Publisher) -> Intake:
        settings = self._settings
        queue = None
        if settings.intake == "push" and settings.topic_arn is not None:
            queue = QueueSettings(
                topic_arn=settings.topic_arn,
                prefix=settings.queue_prefix,
                sentiment_table=settings.sentiment_table,
                users_table=settings.users_table,
                wait_seconds=settings.receive_wait,
                tags=settings.queue_tags,
            )
        calls = TableCalls(self._polling, self._client, IN_THE_BACKGROUND, self._counters)
        return Intake(
            self._failover,
            SentimentTable(calls, settings.sentiment_table),
            publisher,
            self._counters,
            poll=PollSettings(
                interval=settings.poll_interval,
                verify_interval=settings.verify_interval,
                lookback=settings.lookback,
                catchup=0 if queue is None else settings.catchup,
                window=settings.window_fill,
                margin=settings.proof_margin,
                ready_after=settings.ready_after,
            ),
            queue=queue,
        )

    def _build_app(self) -> ASGIApp:
        settings = self._settings
        calls = TableCalls(self._public, self._client, counters=self._counters)
        sentiment = SentimentTable(calls, settings.sentiment_table)
        counts, sleeps = Counts(sentiment), self._hosting.sleeps
        budget = QueryBudget(settings.snapshot_queries)
        table = SnapshotTable(calls, settings.sentiment_table, budget=budget, recent=self._pages)
        present = Present(self._hub, self._failover, table)

        async def count() -> Metrics:
            if sleeps:  # a frozen process has no complete counts
                return await counts.metrics()
            return self._hub.window.metrics(wall_ms())

        app = create_app(
            RestPart(
                identity=self._hosting.identity(settings, self._gateway),
                configurations=self._configurations,
                snapshot=table if sleeps else present,
                count=count,
                series=SeriesTable(sentiment) if sleeps else present,
            ),
            StreamPart(
                StreamResponder(self.delivery, self._admission, self._counters, self._caught_up, self._subscriptions),
                status=lambda: {**self.status.members(), "memory": self._memory.members()},
                history_seconds=settings.history_seconds,
                tickets=Tickets(self._sealing, settings.ticket_lifetime),
                scrape=self._scrape,
                values=self.status.values,
            ),
            readiness=lambda: self.status.readiness(self.intake),
            cors_origins=settings.cors_origins,
            frame_ancestors=settings.frame_ancestors,
            operators=settings.operators,
        )
        app = self._hosting.application(app, self._report.flush)
        return app if settings.tracing == "none" else traced(app, self._tracing)

    async def __aenter__(self) -> Service:
        for secrets in (self._gateway, self._sealing, self._scraping):
            await secrets.load()
        self.intake.start()
        running = [self.delivery.run()]
        if self._subscriptions is not None:
            running.append(self._subscriptions.run(self.intake.poll))
        if self._logs is not None:
            running.append(self._logs.count_dropped(self._counters))
        self._tasks = [asyncio.create_task(task) for task in running]
        self._report.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await self.intake.stop()
        for worker in (self._polling, self._tables, self._public):
            worker.close()
        await self._report.end()
        await self._tracing.end()

    async def drain(self) -> None:
        """Closes all streams, spread over the drain window, and waits until they have ended."""
        self.delivery.drain(self._settings.drain_window)
        with suppress(TimeoutError):
            async with asyncio.timeout(self._settings.drain_window + GRACE):
                await self._admission.wait_empty()

    async def _caught_up(self, start: Request) -> None:
        """Waits until the hub can serve a stream with this start, at most `ready_after` seconds."""
        if self._hosting.sleeps:
            await self.intake.wait_awake()
        if start != Request():
            await self.intake.wait_ready()


def _current_mode(failover: Failover) -> CurrentMode:
    return CurrentMode(failover.mode, failover.reason, failover.since_ms)
