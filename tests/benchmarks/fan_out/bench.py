"""One measurement: a server, its streams, and what was published meanwhile."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from streamer.local.aws import EmbeddedAws
from streamer.local.provision import provision
from tests.benchmarks.fan_out.machine import cores, cpu_seconds, family, on_core, resident_kb
from tests.benchmarks.fan_out.orders import Worker
from tests.benchmarks.fan_out.scenario import OURS, SERVICES, UNTUNED, Scenario
from tests.benchmarks.fan_out.servers import start

_ROOM = 200
_WARM_UP = 0.7
_SETTLE = 1.5
_BETWEEN = 0.2  # so that the first event that counts does not come on the heels of the warm-up's last
_SAMPLED = 200
_EVENTS_SAMPLED = 5_000  # of a second, over all sampled streams: what the client parses without being held up
_DRAIN = 5.0


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one scenario against one server."""

    server: str
    published: int
    wanted: int
    """What should have been published in the time."""
    delivered: int
    missed: int
    gaps: int
    """Seen on the sampled streams."""
    cpu_us: float
    """Of the server, for each delivered event."""
    busy: float
    """Of the server's core."""
    p50_ms: float
    p99_ms: float
    load: float
    """Of the load's core: client and publisher."""
    idle_kb: float | None
    """Resident memory of an idle stream."""
    ended: int
    """Streams that the server ended."""
    stuck_ended: int
    """Those among them that were never read."""
    hops: dict[str, Any] | None
    """The service's own percentiles by hop."""


@dataclass(frozen=True, slots=True)
class Intake:
    """What receiving, decoding and the hub cost without a single stream."""

    rate: int
    cpu_us: float
    """Of the service, for each change."""
    cpu_message_us: float
    """Of the service, for each message."""
    busy: float
    left: int
    """Messages that were not taken when the last one was published."""
    lags: dict[str, Any]


class Bench:
    """The processes that all measurements share: embedded AWS, client and publishers, all on the load's core."""

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            with on_core(cores().load):
                aws = stack.enter_context(EmbeddedAws())
            self.resources = provision(aws.endpoint_url)
            here = "tests.benchmarks.fan_out"
            self.client = stack.enter_context(Worker(f"{here}.client"))
            self._post = stack.enter_context(Worker(f"{here}.publisher", "post"))
            arguments = ("queue", aws.endpoint_url, self.resources.sentiment_table)
            self._queue = stack.enter_context(Worker(f"{here}.publisher", *arguments))
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def measure(self, server: str, scenario: Scenario) -> Measured:
        """Starts the server anew, opens the streams, publishes, waits until all has come, and ends everything."""
        with self.serving(server, scenario.streams) as (running, publisher):
            client = self.client
            time.sleep(0.3)
            pids = family(running.pid)  # by now nginx has its worker
            empty_kb = resident_kb(pids)
            opened = client.ask(
                "open",
                port=running.port,
                paths=scenario.paths(server),
                count=scenario.streams,
                sampled=min(_SAMPLED, scenario.streams, round(_EVENTS_SAMPLED / scenario.rate)),
                stuck=scenario.stuck,
            )
            try:
                if opened["opened"] < scenario.streams:
                    raise RuntimeError(f"{server} took {opened['opened']} of {scenario.streams} streams")
                idle_kb = None
                if scenario.idle:
                    time.sleep(_SETTLE)
                    idle_kb = (resident_kb(pids) - empty_kb) / scenario.streams
                self._publish(publisher, scenario, _WARM_UP)
                time.sleep(_BETWEEN)
                cpu = cpu_seconds(pids)
                published, came = self._publish(publisher, scenario, scenario.seconds)
                cpu = cpu_seconds(pids) - cpu
                stuck_ended = client.ask("stuck")["ended"]
                hops = start.status(running.port)["lag"] if server in SERVICES else None
                assert hops is None or isinstance(hops, dict)
            finally:
                client.ask("close")
            return Measured(
                server=server,
                published=published["published"],
                wanted=round(scenario.rate * scenario.seconds),
                delivered=came["events"],
                missed=published["published"] * scenario.streams - came["events"],
                gaps=came["gaps"],
                cpu_us=cpu / max(1, came["events"]) * 1e6,
                busy=cpu / came["seconds"],
                p50_ms=came["p50_ms"] or float("nan"),
                p99_ms=came["p99_ms"] or float("nan"),
                load=came["cpu"] + published["cpu"],
                idle_kb=idle_kb,
                ended=came["ended"],
                stuck_ended=stuck_ended,
                hops=hops,
            )

    def _publish(self, publisher: Worker, scenario: Scenario, seconds: float) -> tuple[dict[str, Any], dict[str, Any]]:
        self.client.ask("begin")
        tick = scenario.tick if publisher is self._queue and not scenario.pair else 0
        seconds = max(seconds, 1 / scenario.rate)
        published = publisher.ask("publish", rate=scenario.rate, seconds=seconds, tick=tick, pair=scenario.pair)
        expected = published["published"] * scenario.streams
        return published, self.client.ask("result", expected=expected, at_most=_DRAIN, seconds=seconds)

    def intake(self, rate: int, seconds: float) -> Intake:
        """Publishes changes to a service that has no stream."""
        with self.serving(OURS, 0) as (running, queue):
            pids = family(running.pid)
            tick = 0.01
            queue.ask("publish", rate=rate, seconds=1.0, tick=tick, pair=0)
            cpu, began = cpu_seconds(pids), time.monotonic()
            published = queue.ask("publish", rate=rate, seconds=seconds, tick=tick, pair=0)
            left = queue.ask("left")["left"]
            cpu, took = cpu_seconds(pids) - cpu, time.monotonic() - began
            lags = start.status(running.port)["lag"]
            assert isinstance(lags, dict)
        return Intake(
            rate=rate,
            cpu_us=cpu / published["published"] * 1e6,
            cpu_message_us=cpu / min(published["published"], seconds / tick) * 1e6,
            busy=cpu / took,
            left=left,
            lags=lags,
        )

    @contextmanager
    def serving(
        self, server: str, streams: int, *, tickers: int = 1, settings: Mapping[str, str] | None = None
    ) -> Iterator[tuple[start.Running, Worker]]:
        """The server, and the publisher that it has. The service gets its changes by push; they go through so many
        `tickers` by turns. `settings`: of the service, beside those that the benchmark needs."""
        if server not in SERVICES:
            with start.peer(server, streams + _ROOM) as running:
                self._post.ask("start", port=running.port)
                yield running, self._post
            return
        port = self._queue.ask("start", tickers=tickers)["port"]
        environment = self.resources.environment() | {
            "AWS_ENDPOINT_URL_SQS": f"http://127.0.0.1:{port}",
            "SSE_MAX_CONNECTIONS": str(streams + _ROOM),
            "SSE_POLL_INTERVAL": "0.5",  # so that push has soon proven itself; from then on the default of 15 s counts
            **(settings or {}),
        }
        with start.service(environment, untuned=server == UNTUNED) as (running, said):
            self._queue.ask("canary")
            said.wait_for("mode switched", mode="push")
            yield running, self._queue
