"""Computes containers and monthly cost of a load. Pure. A test compares the costs with docs/operations.md, "Prices"."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PRICES: Final[Mapping[str, float]] = {
    "vCPU-hour": 0.03238, "GB-hour": 0.00356, "balancer-hour": 0.0225, "LCU-hour": 0.008, "address-hour": 0.005,
    "read unit": 0.125e-6, "publish": 0.50e-6, "invocation": 0.20e-6, "GB-second": 0.0000133334, "streamed GB": 0.008,
    "log GB": 0.53, "metric": 0.30, "alarm": 0.10, "dashboard": 3.00, "secret": 0.40,
}  # fmt: skip
"""List prices of us-east-1 in dollars, March to June 2026: arm64, log retention of one month, no free tier."""
Tiers = Sequence[tuple[float, float]]
DATA_GB: Final[Tiers] = ((10e3, 0.09), (50e3, 0.085), (150e3, 0.07), (math.inf, 0.05))
REQUESTS: Final[Tiers] = ((100e9, 0.40e-6), (200e9, 0.30e-6), (math.inf, 0.24e-6))
"""Tiers of data transfer to the internet and of SQS requests: upper limit (a month), price of a unit."""

HOURS, SECONDS = 730, 730 * 3_600  # of a month
STREAM_LIFE, POLL, HEARTBEAT = 810.0, 5.0, 30.0
"""Seconds: average duration of a stream, poll interval (Lambda), heartbeat interval."""
MESSAGE_BYTES, RECEIVES, MAX_MESSAGES, IDLE_RECEIVES = 60_000, 18, 10, 0.1
"""Maximum bytes of a message, receives a second, and messages of a receive; long polls a second of an idle queue."""
CANARIES, REAPS = 43_800, 730


@dataclass(frozen=True, slots=True)
class Load:
    """The command's options. Rates are per second."""

    streams: int
    changes: float
    containers: int | None = None  # None: enough for the streams, and one spare
    tickers_per_item: float = 1.5
    share: float = 1.0
    hours_open: float = 24.0
    item_bytes: int = 1_024
    change_bytes: int = 600
    event_bytes: int = 360
    shards: int = 4
    lookback: float = 180.0
    verify: float = 15.0
    cpu: float = 1.0
    memory: float | None = None  # GB; None: the minimum that Fargate sells with `cpu`, or 0.5 in Lambda
    streams_per_container: int = 10_000
    deployment: str = "fargate"

    @property
    def invocations(self) -> float:
        """Invocations of the relay: Lambda reads each shard four times a second, up to 100 changes at once."""
        return max(min(self.changes, 4 * self.shards), self.changes / 100)

    @property
    def messages(self) -> float:
        return max(self.invocations, self.changes * self.change_bytes / MESSAGE_BYTES)

    @property
    def receives(self) -> float:
        """ReceiveMessage calls of one container that return messages."""
        return max(min(self.messages, RECEIVES), self.messages / MAX_MESSAGES)

    @property
    def stream_bytes(self) -> float:
        """Bytes to one stream: events, `metrics` events of 576 bytes (without a filter), heartbeats of 270 bytes."""
        metrics = min(self.changes, 1.0) if self.share == 1 else 0.0
        return self.changes * self.tickers_per_item * self.share * self.event_bytes + metrics * 576 + 270 / HEARTBEAT

    @property
    def count(self) -> int:
        """Containers; in Lambda, environments of one stream each."""
        if self.deployment == "lambda":
            return self.streams
        return self.containers or math.ceil(self.streams / self.streams_per_container) + 1

    @property
    def gigabytes(self) -> float:
        return self.memory or (0.5 if self.deployment == "lambda" else 2 * self.cpu)

    @property
    def queue_requests(self) -> float:
        """SQS requests for one queue: sends, receives (one request for each 64 KB), and one delete for each receive."""
        if not self.messages:
            return IDLE_RECEIVES
        chunks = math.ceil(self.changes * self.change_bytes / self.receives / 65_536)
        return self.messages + max(self.receives * chunks, IDLE_RECEIVES) + self.receives

    @property
    def units(self) -> float:
        """Read units of one table query: an eventually consistent Query of each label, rounded up to 4 KB."""
        return 3 * max(1, math.ceil(self.changes * self.lookback / 3 * self.item_bytes / 4_096)) * 0.5


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill: monthly quantity, price of a unit, and dollars rounded to cents."""

    what: str
    quantity: float
    unit: str
    price: float
    dollars: float


def bill(load: Load) -> tuple[Line, ...]:
    """Returns the lines in the order of docs/operations.md."""
    count, p = load.count, PRICES
    always = load.streams * load.hours_open / 24  # streams open on average
    opened = always * SECONDS / STREAM_LIFE
    if load.deployment == "lambda":
        queues, alarms = 0, 12
        beyond = max(0.0, load.stream_bytes * STREAM_LIFE - 6e6) * opened / 1e9
        running = [
            _line("streams' compute", always * SECONDS * load.gigabytes, "GB-second", p["GB-second"]),
            _line("streams' invocations", opened, "request", p["invocation"]),
            _line("streamed beyond 6 MB", beyond, "GB", p["streamed GB"]),
        ]
        reads, writers = always * SECONDS / POLL * load.units, always
    else:
        queues, alarms = count, 23
        balancers = math.ceil(count / 1_000)  # 1,000 targets each
        lcus = max(always / STREAM_LIFE / 25, always / 3_000, always * load.stream_bytes * 3_600 / 1e9)
        hour = load.cpu * p["vCPU-hour"] + load.gigabytes * p["GB-hour"]
        running = [
            _line("Fargate", count * HOURS, "container-hour", hour),
            _line("load balancer", balancers * HOURS, "hour", p["balancer-hour"]),
            _line("its capacity units", lcus * HOURS, "LCU-hour", p["LCU-hour"]),
            _line("public IPv4 addresses", (count + 2 * balancers) * HOURS, "hour", p["address-hour"]),
        ]
        reads, writers = count * SECONDS / load.verify * load.units, count
    relayed, rest = load.invocations * SECONDS + CANARIES, 5_000 * always
    logged = (relayed * 800 + writers * HOURS * 60 * 3_000 + opened * 1_000) / 1e9
    relay_price, rest_price = (p["invocation"] + gb_s * p["GB-second"] for gb_s in (0.020 * 0.5, 0.050 * 1.0))
    return (
        *running,
        _line("data to the internet", always * load.stream_bytes * SECONDS / 1e9, "GB", DATA_GB),
        _line("table reads", reads, "read unit", p["read unit"]),
        _line("queues", queues * (load.queue_requests * SECONDS + 29_000), "request", REQUESTS),
        _line("topic", load.messages * SECONDS + CANARIES, "publish", p["publish"]),
        _line("relay", relayed, "invocation", relay_price),
        _line("REST", rest, "request", rest_price),
        _line("schedules", CANARIES + REAPS, "invocation", 0.0),  # 14 million are free
        _line("logs", logged, "GB", p["log GB"]),
        _line("the service's own metrics", 34, "metric", p["metric"]),
        _line("alarms", alarms, "metric watched", p["alarm"]),
        _line("dashboard", 1, "dashboard", p["dashboard"]),
        _line("ticket secret", 1, "secret", p["secret"]),
    )


def total(lines: Sequence[Line]) -> float:
    return round(sum(line.dollars for line in lines), 2)


def _line(what: str, quantity: float, unit: str, price: float | Tiers) -> Line:
    if isinstance(price, float):
        return Line(what, quantity, unit, price, round(quantity * price, 2))
    dollars, below = 0.0, 0.0
    for limit, each in price:
        dollars += max(0.0, min(quantity, limit) - below) * each
        below = limit
    return Line(what, quantity, unit, dollars / quantity if quantity else price[0][1], round(dollars, 2))
