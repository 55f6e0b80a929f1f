"""How many streams fit into a container, and how many containers that makes. Pure: measured numbers and arithmetic.

A container is one Python process, so it uses one core at most. Of that it may use a part (`busy`), for:

    what it does whoever listens   receives and changes of its queue, and the query that checks them
    for each stream                a write for each flush that has something for it, what each further event in that
                                   write adds, and the question whether its filter admits an event, if nobody shares it
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal

from streamer.tools.terminal.errors import UsageError

Deployment = Literal["fargate", "lambda"]


@dataclass(frozen=True, slots=True)
class Measured:
    """Processor and memory, as measured. The first four stand in docs/benchmarks.md, and a test compares them."""

    write_us: float = 11.3
    """10,000 × 1/s, `streamer serve`: µs an event. Each is a write of its own, and intake hardly counts."""
    intake_low_us: float = 751
    """Intake alone at 100 changes/s: µs a change."""
    intake_high_us: float = 110
    """Intake alone at 1,000 changes/s: µs a change, in as many messages."""
    stream_kb: float = 3.6
    """Memory of an idle stream."""

    intake_receives: float = 20
    """Receives a second in both runs of Intake alone: they are paced."""
    joined_us: float = 0.6
    """What one more event in a write adds: ten joined events cost a raw asyncio protocol 13 µs where one costs 7.2."""
    admits_us: float = 0.12
    """One filter asked about one event, measured by itself: 500 filters of five tickers, 60 events."""
    row_us: float = 50
    """One item of a table query, measured by itself: botocore's reading of the answer and ours; 42 to 72."""

    @property
    def change_us(self) -> float:
        """Of one change, wherever it comes in: what 900 more a second cost."""
        return (1_000 * self.intake_high_us - 100 * self.intake_low_us) / 900

    @property
    def receive_us(self) -> float:
        """Of one receive with its delete: what is left of the run with few changes."""
        return (100 * self.intake_low_us - 100 * self.change_us) / self.intake_receives


MEASURED: Final = Measured()

# How the system works; each is said in the docs, or is the default of a setting.
POLLS: Final = 4
"""A second: how often Lambda reads a shard of a table's stream."""
BATCH: Final = 100
"""Changes, at most, of one invocation of the relay."""
MESSAGE_BYTES: Final = 60_000
"""Of one message, at most."""
RECEIVES: Final = 20
"""A second, at most, while a receive brings less than it could."""
FLUSHES: Final = 20
"""A second, at most."""
MOST: Final = 10
"""Messages of one receive."""
IDLE_RECEIVES: Final = 0.1
"""A second, while nothing comes."""
LIFE: Final = 810
"""Seconds that a stream lasts on average: 15 min, jittered."""
HEARTBEAT: Final = 30
"""Seconds between two heartbeats of a stream."""
HISTORY_S: Final = 900
HISTORY_MB: Final = 67.108864
PROCESS_MB: Final = 60
ITEMS: Final = 200_000
"""Items remembered, at least those of the catch-up."""
ITEM_KB: Final = 1.1
KERNEL_KB: Final = 12
"""Assumed of a stream beside what was measured: its socket in the kernel, and one in a hundred with 400 kB waiting."""
FULL: Final = 0.8
"""Of a container's memory, at most."""
MEMORY_GB: Final = {0.25: (0.5, 1, 2), 0.5: (1, 2, 3, 4)} | {
    cpu: tuple(range(2 * cpu, min(8 * cpu, 30) + 1)) for cpu in (1, 2, 4)
}
"""What Fargate sells, by vCPU."""
ALB_TARGETS: Final = 1_000
"""Of one load balancer, unless AWS raises it."""
LAMBDA_MB: Final = (256, 10_240)
LAMBDA_CORE_MB: Final = 1_769
"""Memory with which Lambda gives one core."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for. Made with a value that cannot be, it raises UsageError, which names the option."""

    streams: int
    """Open at once, in the hours in which they are open."""
    changes: float
    """A second, around the clock; each of an item of its own."""
    tickers_per_item: float = 1.5
    share: float = 1.0
    """Part of all events that a stream shows; 1: no filter, and `metrics` events too."""
    filters: int | None = None
    """Different filters in all; None: one without a filter, else each stream has its own."""
    hours_open: float = 24.0
    """A day."""
    item_bytes: int = 1_024
    """Of an item in the index."""
    change_bytes: int = 600
    """Of a change in a message."""
    event_bytes: int = 360
    metrics_bytes: int = 576
    heartbeat_bytes: int = 270
    shards: int = 4
    """Of the table's stream: as many as the table has partitions; a new on-demand table has four."""
    lookback: float = 180.0
    verify: float = 15.0
    poll: float = 5.0
    catchup: float = 3_600.0
    cpu: float = 1.0
    memory: float | None = None
    """GB; None: the least that is enough (lambda: 0.5)."""
    busy: float = 0.7
    """Part of a container's core that may be used; the rest is for deploys, storms and the loss of a container."""
    gbit: float = 1.0
    """A second that a container may send. AWS promises no figure."""
    streams_per_container: int = 10_000
    """At most; so many are measured."""
    deployment: Deployment = "fargate"

    def __post_init__(self) -> None:
        whole = "give a whole number of {} to {}"
        _within("--streams", self.streams, 1, 100_000_000, whole)
        _within("--changes", self.changes, 0, 100_000)
        _within("--tickers-per-item", self.tickers_per_item, 1, 100)
        _within("--share", self.share, 0, 1)
        if self.filters is not None:
            _within("--filters", self.filters, 1, self.streams, whole)
        _within("--hours-open", self.hours_open, 0, 24)
        for option, size, most in (
            ("--item-bytes", self.item_bytes, 409_600),
            ("--change-bytes", self.change_bytes, MESSAGE_BYTES),
            ("--event-bytes", self.event_bytes, 65_536),
        ):
            _within(option, size, 1, most, whole)
        _within("--shards", self.shards, 1, 10_000, whole)
        _within("--lookback", self.lookback, 150, 86_400)
        _within("--verify", self.verify, 1, 86_400)
        _within("--poll", self.poll, 1, 86_400)
        _within("--catchup", self.catchup, 150, 86_400)
        _within("--busy", self.busy, 0.05, 1)
        _within("--gbit", self.gbit, 0.01, 100)
        _within("--streams-per-container", self.streams_per_container, 1, 60_000, whole + "; open files bound it")
        if self.deployment not in ("fargate", "lambda"):
            raise UsageError(f"--deployment {self.deployment!r}: choose fargate or lambda")
        if self.deployment == "lambda":
            if self.memory is not None:
                _within("--memory", self.memory * 1_024, *LAMBDA_MB, "give GB, of {} to {} MB in all")
        elif self.cpu not in MEMORY_GB:
            raise UsageError(f"--cpu {self.cpu:g}: choose {', '.join(f'{each:g}' for each in MEMORY_GB)}")
        elif self.memory is not None and self.memory not in MEMORY_GB[self.cpu]:
            sold = ", ".join(f"{each:g}" for each in MEMORY_GB[self.cpu])
            raise UsageError(f"--memory {self.memory:g}: with --cpu {self.cpu:g} Fargate has {sold} GB")

    @property
    def events(self) -> float:
        """A second, of all tickers."""
        return self.changes * self.tickers_per_item

    @property
    def invocations(self) -> float:
        """Of the relay a second: a poll of a shard that finds something is one, for each hundred changes."""
        return max(min(self.changes, POLLS * self.shards), self.changes / BATCH)

    @property
    def messages(self) -> float:
        """Published a second."""
        return max(self.invocations, self.changes * self.change_bytes / MESSAGE_BYTES)

    @property
    def receives(self) -> float:
        """A second and container, of those that bring something."""
        return max(min(self.messages, RECEIVES), self.messages / MOST)

    @property
    def metrics(self) -> float:
        """`metrics` events a second for each stream."""
        return min(self.changes, 1.0) if self.share == 1 else 0.0

    @property
    def stream_bytes(self) -> float:
        """A second, to one stream: events, metrics and heartbeats."""
        return (
            self.events * self.share * self.event_bytes
            + self.metrics * self.metrics_bytes
            + self.heartbeat_bytes / HEARTBEAT
        )

    @property
    def writes(self) -> float:
        """A second, to one stream: the flushes that have something for it; a heartbeat, and a ping between two."""
        flushes = min(self.receives, FLUSHES)
        some = 1 - (1 - self.share) ** (self.events / flushes) if flushes else 0.0
        return flushes * some + self.metrics + 2 / HEARTBEAT

    @property
    def queried(self) -> float:
        """Items that one query of the table reads."""
        return self.changes * self.lookback

    @property
    def changes_a_message(self) -> float:
        """On average."""
        return self.changes / self.messages if self.messages else 0.0


@dataclass(frozen=True, slots=True)
class Sizing:
    """What a load takes. In lambda mode a container is an execution environment, and holds one stream."""

    containers: int
    queues: int
    load_balancers: int
    memory: float
    """GB of each."""
    streams_each: int
    """That one container may hold."""
    binds: str
    """What bounds that: processor, memory, bandwidth, or streams-per-container; environment in lambda mode."""
    bounds: dict[str, int]
    """Streams a container by each of these alone."""
    streams_a_core: int
    """As many as would keep a whole core busy, were there nothing else to do."""
    stream_us: float
    """Processor a second for one stream."""
    event_us: float
    """The same for each event delivered; 0 where there are none."""
    fixed: float
    """Cores that a container needs whoever listens."""
    used: float
    """Cores that a container uses with its part of the streams."""
    history_s: float
    """What the history holds."""


def size(load: Load, measured: Measured = MEASURED) -> Sizing:
    """Raises UsageError if no container could do it."""
    history_s = min(HISTORY_S, HISTORY_MB * 1e6 / (load.events * load.event_bytes)) if load.events else HISTORY_S
    seen = load.events * load.share
    per_stream = load.writes * measured.write_us + max(0.0, seen - load.writes) * measured.joined_us
    a_filter = load.events * measured.admits_us
    filters = load.filters if load.filters is not None else 1 if load.share == 1 else load.streams
    alone = per_stream + (a_filter if filters == load.streams else 0.0)
    event_us = alone / seen if seen else 0.0
    if load.deployment == "lambda":
        memory = 0.5 if load.memory is None else load.memory
        fixed = load.queried * measured.row_us / load.poll / 1e6
        used = fixed + (per_stream + a_filter) / 1e6
        if used > memory * 1_024 / LAMBDA_CORE_MB:
            raise UsageError(
                f"--changes {load.changes:g}: each stream's environment reads {load.queried:,.0f} items every"
                f" {load.poll:g} s, which takes {used:.2f} cores, more than {memory:g} GB bring: give a longer --poll"
                " (SSE_POLL_INTERVAL), more --memory, or --deployment fargate"
            )
        return Sizing(
            load.streams, 0, 0, memory, 1, "environment", {}, math.floor(1e6 / alone), alone, event_us, fixed, used,
            history_s,
        )  # fmt: skip
    core = min(load.cpu, 1.0)
    checking = load.queried * measured.row_us / load.verify / 1e6
    fixed = (load.receives * measured.receive_us + load.changes * measured.change_us) / 1e6 + checking
    room = (core * load.busy - fixed) * 1e6
    own = math.floor(room / (per_stream + a_filter))
    by_cpu = own if own <= filters else math.floor((room - filters * a_filter) / per_stream)
    if by_cpu < 1:
        raise UsageError(
            f"--changes {load.changes:g}: {fixed:.2f} cores of each container go into them whoever listens,"
            f" {checking:.2f} of these into reading {load.queried:,.0f} items every {load.verify:g} s;"
            f" {core * load.busy:.2f} may be used:"
            " give a longer --verify (SSE_VERIFY_INTERVAL), fewer --filters, or more --cpu (up to 1)"
        )
    by_bandwidth = math.floor(load.gbit * 1e9 / 8 / load.stream_bytes)
    if by_bandwidth < 1:
        raise UsageError(f"--gbit {load.gbit:g}: one stream alone sends {load.stream_bytes * 8 / 1e9:.3f} Gbit/s")
    bounds = {"processor": by_cpu, "bandwidth": by_bandwidth, "streams-per-container": load.streams_per_container}
    sizes = MEMORY_GB[load.cpu] if load.memory is None else (load.memory,)
    most = min(*bounds.values(), load.streams)
    memory = next((each for each in sizes if _holds(each, load, measured) >= most), sizes[-1])
    bounds["memory"] = _holds(memory, load, measured)
    if bounds["memory"] < 1:
        raise UsageError(
            f"--changes {load.changes:g}: items and history take {_standing_mb(load):,.0f} MB, too much for"
            f" {memory:g} GB: give a shorter --catchup (SSE_CATCHUP), or more --memory or --cpu"
        )
    binds = min(bounds, key=lambda bound: bounds[bound])
    needed = _containers(load.streams, bounds[binds])
    each = math.ceil(load.streams / needed)
    used = fixed + (each * per_stream + min(filters, each) * a_filter) / 1e6
    return Sizing(
        needed, needed, math.ceil(needed / ALB_TARGETS), memory, bounds[binds], binds, bounds, math.floor(1e6 / alone),
        alone, event_us, fixed, used, history_s,
    )  # fmt: skip


def _containers(streams: int, each: int) -> int:
    """One more than hold them: any one may go."""
    return math.ceil(streams / each) + 1


def _standing_mb(load: Load) -> float:
    """Memory of a container without streams."""
    items = max(min(ITEMS, load.changes * 86_400), load.changes * load.catchup)
    return PROCESS_MB + HISTORY_MB + items * ITEM_KB / 1_000


def _holds(memory: float, load: Load, measured: Measured) -> int:
    room = memory * 1_024 * FULL - _standing_mb(load)
    return math.floor(room * 1_000 / (measured.stream_kb + KERNEL_KB))


def _within(option: str, value: float, least: float, most: float, words: str = "give {} to {}") -> None:
    if not least <= value <= most:  # also what is not a number
        raise UsageError(f"{option} {value:g}: " + words.format(f"{least:,g}", f"{most:,.0f}"))
