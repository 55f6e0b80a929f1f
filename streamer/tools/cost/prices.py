"""What a load costs a month at AWS's list prices. Pure.

docs/operations.md, "Prices", shows the same arithmetic for a small month, and a test compares them line by line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamer.tools.cost.sizing import IDLE_RECEIVES, LIFE, Load, Sizing

HOURS: Final = 730
"""Of a month."""
SECONDS: Final = HOURS * 3_600
CHUNK: Final = 65_536
"""Bytes that SNS and SQS bill as one request."""
UNIT: Final = 4_096
"""Bytes of a read unit; half of one where the read is eventually consistent."""

Tiers = Sequence[tuple[float, float]]
"""Up to how many, and the price of each of these; the last tier has no end."""


@dataclass(frozen=True, slots=True)
class Prices:
    """List prices of us-east-1 in dollars, arm64, as of March to June 2026, no free tier subtracted."""

    vcpu_hour: float = 0.03238
    gb_hour: float = 0.00356
    alb_hour: float = 0.0225
    lcu_hour: float = 0.008
    address_hour: float = 0.005
    read_units: float = 0.125e-6
    publishes: float = 0.50e-6
    invocations: float = 0.20e-6
    gb_seconds: float = 0.0000133334
    streamed_gb: float = 0.008
    log_gb: float = 0.50
    log_gb_kept: float = 0.03
    schedules: float = 1.00e-6
    metric: float = 0.30
    alarm: float = 0.10
    dashboard: float = 3.00
    secret: float = 0.40
    data_gb: Tiers = ((10e3, 0.09), (50e3, 0.085), (150e3, 0.07), (math.inf, 0.05))
    requests: Tiers = ((100e9, 0.40e-6), (200e9, 0.30e-6), (math.inf, 0.24e-6))


PRICES: Final = Prices()

# What the small month of docs/operations.md takes for granted.
CANARIES: Final = 43_800
REAPS: Final = 730
FREE_SCHEDULES: Final = 14_000_000
UPKEEP: Final = 29_000
"""Requests a month for a queue, whatever comes through it."""
RELAY_GB_S: Final = 0.020 * 0.5
REST_GB_S: Final = 0.050 * 1.0
REST_A_STREAM: Final = 5_000
"""Requests to REST a month for each stream that is always open."""
RELAY_LOG: Final = 800
"""Bytes of an invocation."""
METRICS_LOG: Final = 3_000
"""Bytes of a container in a minute."""
STREAM_LOG: Final = 1_000
"""Bytes of a stream's two lines."""
METRICS: Final = 34
ALARMS: Final = {"fargate": 17, "lambda": 7}
"""Metrics that alarms watch."""
FREE_STREAMED: Final = 6e6
"""Bytes of each answer that Lambda streams without a price."""
ADDRESSES: Final = 2
"""Of a load balancer."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill."""

    what: str
    quantity: float
    """A month."""
    unit: str
    price: float
    """Of one unit; where it comes in tiers, or of several parts, what it is on average."""
    dollars: float
    """To the cent, so that what is printed adds up."""


def bill(load: Load, sizing: Sizing, prices: Prices = PRICES) -> tuple[Line, ...]:
    """The lines, in the order of docs/operations.md."""
    containers = sizing.containers
    always = load.streams * load.hours_open / 24
    """Streams, on average over the day."""
    opened = always * SECONDS / LIFE
    data = always * load.stream_bytes * SECONDS / 1e9
    if load.deployment == "lambda":
        seconds = always * SECONDS
        beyond = max(0.0, load.stream_bytes * LIFE - FREE_STREAMED) * opened / 1e9
        running = [
            _times("streams' compute", seconds * sizing.memory, "GB-second", prices.gb_seconds),
            _times("streams' invocations", opened, "request", prices.invocations),
            _times("streamed beyond 6 MB", beyond, "GB", prices.streamed_gb),
        ]
        reads, writers = seconds / load.poll * units(load), always
    else:
        hour = load.cpu * prices.vcpu_hour + sizing.memory * prices.gb_hour
        running = [
            _times("Fargate", containers * HOURS, "container-hour", hour),
            _times("load balancer", sizing.load_balancers * HOURS, "hour", prices.alb_hour),
            _times("its capacity units", max(lcus(load).values()) * HOURS, "LCU-hour", prices.lcu_hour),
            _times(
                "public IPv4 addresses",
                (containers + ADDRESSES * sizing.load_balancers) * HOURS,
                "hour",
                prices.address_hour,
            ),
        ]
        reads, writers = containers * SECONDS / load.verify * units(load), containers
    relayed = load.invocations * SECONDS + CANARIES
    rest = REST_A_STREAM * always
    logged = (relayed * RELAY_LOG + writers * HOURS * 60 * METRICS_LOG + opened * STREAM_LOG) / 1e9
    requests = sizing.queues * (queue_requests(load) * SECONDS + UPKEEP)
    billed_schedules = max(0, CANARIES + REAPS - FREE_SCHEDULES)
    return (
        *running,
        _tiered("data to the internet", data, "GB", prices.data_gb),
        _times("table reads", reads, "read unit", prices.read_units),
        _tiered("queues", requests, "request", prices.requests),
        _times("topic", load.messages * SECONDS + CANARIES, "publish", prices.publishes),
        _times("relay", relayed, "invocation", prices.invocations + RELAY_GB_S * prices.gb_seconds),
        _times("REST", rest, "request", prices.invocations + REST_GB_S * prices.gb_seconds),
        Line("schedules", CANARIES + REAPS, "invocation", 0.0, round(billed_schedules * prices.schedules, 2)),
        _times("logs", logged, "GB", prices.log_gb + prices.log_gb_kept),
        _times("the service's own metrics", METRICS, "metric", prices.metric),
        _times("alarms", ALARMS[load.deployment], "metric watched", prices.alarm),
        _times("dashboard", 1, "dashboard", prices.dashboard),
        _times("ticket secret", 1, "secret", prices.secret),
    )


def units(load: Load) -> float:
    """Read units of one query of the table: one of the index for each of three labels, each rounded up."""
    return 3 * max(1, math.ceil(load.queried / 3 * load.item_bytes / UNIT)) * 0.5


def queue_requests(load: Load) -> float:
    """What SQS bills of one queue a second: a send for each message (of 60 KB at most, so one chunk of 64 KB), the
    receives, each by the chunks that it brings, and a delete for each receive that brings some."""
    if not load.messages:
        return IDLE_RECEIVES
    a_receive = load.changes * load.change_bytes / load.receives
    return load.messages + max(load.receives * math.ceil(a_receive / CHUNK), IDLE_RECEIVES) + load.receives


def lcus(load: Load) -> dict[str, float]:
    """Load balancer capacity units by each dimension, on average over the day; the largest is billed."""
    always = load.streams * load.hours_open / 24
    return {
        "new connections": always / LIFE / 25,
        "active connections": always / 3_000,
        "bytes": always * load.stream_bytes * 3_600 / 1e9,
    }


def total(lines: Sequence[Line]) -> float:
    """Dollars a month."""
    return round(sum(line.dollars for line in lines), 2)


def tiered(quantity: float, tiers: Tiers) -> float:
    """Dollars for so many."""
    dollars, below = 0.0, 0.0
    for limit, price in tiers:
        dollars += max(0.0, min(quantity, limit) - below) * price
        below = limit
    return dollars


def _times(what: str, quantity: float, unit: str, price: float) -> Line:
    return Line(what, quantity, unit, price, round(quantity * price, 2))


def _tiered(what: str, quantity: float, unit: str, tiers: Tiers) -> Line:
    dollars = tiered(quantity, tiers)
    return Line(what, quantity, unit, dollars / quantity if quantity else tiers[0][1], round(dollars, 2))
