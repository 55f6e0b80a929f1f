"""Starts the service and its load, samples it, and prints what came."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from streamer.clock import wall_ms
from streamer.local.clients import LocalClients
from streamer.local.users import DemoConfiguration
from tests.benchmarks.fan_out.bench import Bench
from tests.benchmarks.fan_out.machine import allow_files, cpu_seconds, family
from tests.benchmarks.fan_out.orders import Worker
from tests.benchmarks.fan_out.payload import ticker
from tests.benchmarks.fan_out.scenario import OURS
from tests.benchmarks.fan_out.servers import start
from tests.benchmarks.fan_out.story import TICKERS
from tests.benchmarks.soak.verdict import Sample, Verdict
from tests.benchmarks.soak.visits import CONFIGURATION, USERS, user

_EVERY: Final = 5.0
"""Seconds between two samples, if there are at least _SAMPLES then."""
_SAMPLES: Final = 12
_TICK: Final = 0.02
_STAY: Final = 600.0
"""Mean seconds of a stream, in the time that the soak stands for."""
_RATE: Final = 200
"""Changes a second, in the time that the soak stands for."""
_ITEMS: Final = 200_000
_HISTORY_BYTES: Final = 64 << 20
"""The defaults of SSE_MAX_ITEMS and SSE_HISTORY_BYTES."""
_WARM_UPS: Final = (0.25, 0.5)
"""Of the time: until the ledger is full, and until its items and those of the window were replaced once more."""
_SHORTEST: Final = 150.0  # seconds; the settings allow no shorter look-back
_SHOWN: Final = ("ledger", "window", "history", "unsent")


@dataclass(frozen=True, slots=True)
class Options:
    """How long, and how much."""

    minutes: float
    rate: int
    streams: int
    items: int

    @property
    def share(self) -> float:
        """Of the default bounds by count and size."""
        return self.items / _ITEMS

    @property
    def speed(self) -> float:
        """By how much it is faster than what it stands for."""
        return self.rate / (_RATE * self.share)

    def settings(self) -> dict[str, str]:
        """The service's settings that bound what it keeps. Times are shorter by the speed."""
        times = {"SSE_HISTORY": 900.0, "SSE_LIFETIME": 900.0, "SSE_HEARTBEAT_INTERVAL": 30.0, "SSE_PING_INTERVAL": 15.0}
        ages = {"SSE_LOOKBACK": 180.0, "SSE_CATCHUP": 1_500.0}
        return (
            {name: f"{seconds / self.speed:g}" for name, seconds in times.items()}
            | {name: f"{max(_SHORTEST, seconds / self.speed):g}" for name, seconds in ages.items()}
            | {"SSE_MAX_ITEMS": str(self.items), "SSE_HISTORY_BYTES": str(round(_HISTORY_BYTES * self.share))}
        )


def main(arguments: Sequence[str] = ()) -> None:
    """Runs it and prints the table and the verdict."""
    options = _options(arguments)
    allow_files(options.streams)
    print(
        f"soak: {options.minutes:g} min at {options.rate:,} changes/s and {options.streams:,} streams stand for"
        f" {options.minutes * options.speed:g} min at {_RATE} changes/s; the bounds are:"
    )
    print("  " + " ".join(f"{name}={value}" for name, value in options.settings().items()))
    with Bench() as bench, Worker("tests.benchmarks.soak.client") as churn:
        _configure(bench)
        settings = options.settings() | {"TRUSTED_PROXIES": "127.0.0.1/32"}
        with bench.serving(OURS, options.streams, settings=settings) as (running, queue):
            pids = family(running.pid)
            churn.ask(
                "start",
                port=running.port,
                streams=options.streams,
                seed=1,
                stay=_STAY / options.speed,
                replay=max(1, round(60 / options.speed)),
                reads=options.speed,
            )
            cpu, began = cpu_seconds(pids), time.monotonic()
            samples, changes = _sample(options, running, queue)
            cpu, took = cpu_seconds(pids) - cpu, time.monotonic() - began
            status = start.status(running.port)
            counts = churn.ask("stop")
    print(
        f"{changes:,} changes ({changes / took:,.0f}/s), {cpu / took:.0%} of a core; streams:"
        f" {counts['opened']:,} came ({counts['came back']:,} with a place), {counts['left']:,} left,"
        f" {counts['ended']:,} were ended, {counts.get('refused', 0):,} refused; {counts['bytes'] / 1e9:.1f} GB read"
    )
    _counters(status)
    for part in _WARM_UPS:
        warm = part * options.minutes
        verdict = Verdict.of([sample for sample in samples if sample.seconds >= warm * 60])
        print(f"after {warm * options.speed:.0f} min: {verdict.text(options.speed)}")


def _options(arguments: Sequence[str]) -> Options:
    parser = argparse.ArgumentParser(prog="soak", description="Is the service's memory flat for two hours?")
    parser.add_argument("--minutes", type=float, default=12.0, help="how long (default: %(default)s)")
    parser.add_argument("--rate", type=int, default=2_000, help="changes a second (default: %(default)s)")
    parser.add_argument("--streams", type=int, default=1_000, help="open streams (default: %(default)s)")
    about_items = "SSE_MAX_ITEMS; a half of both items and rate stands for as long (default: %(default)s)"
    parser.add_argument("--items", type=int, default=_ITEMS, help=about_items)
    given = parser.parse_args(arguments)
    if given.minutes <= 0 or given.rate < 1 or given.streams < 1 or given.items < 1_000:
        parser.error("--minutes, --rate and --streams must be above 0, and --items at least 1000")
    return Options(given.minutes, given.rate, given.streams, given.items)


def _configure(bench: Bench) -> None:
    """Gives each user a configuration."""
    clients = LocalClients(bench.resources.endpoint_url)
    for number in range(USERS):
        tickers = tuple(ticker(number * 5 + step, TICKERS) for step in range(5))
        item = DemoConfiguration(user(number), CONFIGURATION, "Shown", tickers).item()
        clients.dynamodb().put_item(TableName=bench.resources.users_table, Item=item)


def _sample(options: Options, running: start.Running, queue: Worker) -> tuple[list[Sample], int]:
    """Publishes, takes a sample each few seconds, and prints every sixth. Returns them, and the number of changes."""
    total = options.minutes * 60
    # so that the items are older than what queries look for, and none is younger at the end
    first_ms = wall_ms() - round(1000 * (600 + total * options.speed))
    queue.ask("story", first_ms=first_ms, per_second=options.rate / options.speed)
    print(_row("min", "stands for", "changes", "streams", "RSS MB", *(f"{name} MB" for name in _SHOWN), "other MB"))
    samples: list[Sample] = []
    every = min(_EVERY, total / _SAMPLES)
    began, changes, last = time.monotonic(), 0, False
    while not last:
        elapsed = time.monotonic() - began
        last = elapsed + 1.5 * every > total
        seconds = max(0.1, total - elapsed) if last else every
        queue.tell("publish", rate=options.rate, seconds=seconds, tick=_TICK, pair=0)
        sample = _taken(elapsed, changes, running)
        changes += queue.answer()["published"]
        queue.ask("canary")
        samples.append(sample)
        if len(samples) % 6 == 1 or last:
            _print(sample, options.speed)
    return samples, changes


def _taken(seconds: float, changes: int, running: start.Running) -> Sample:
    status: Mapping[str, Any] = start.status(running.port)
    structures = {name: usage["bytes"] for name, usage in status["memory"].items()}
    return Sample(seconds, changes, _resident(running.pid), structures, status["connections"])


def _resident(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError("the service has ended")


def _print(sample: Sample, speed: float) -> None:
    structures = [f"{sample.structures[name] / 1e6:.1f}" for name in _SHOWN]
    other = sum(size for name, size in sample.structures.items() if name not in _SHOWN)
    cells = (
        f"{sample.seconds / 60:.1f}",
        f"{sample.seconds * speed / 60:.0f} min",
        f"{sample.changes:,}",
        f"{sample.streams:,}",
    )
    print(_row(*cells, f"{sample.resident / 1e6:.1f}", *structures, f"{other / 1e6:.1f}"), flush=True)


def _row(*cells: str) -> str:
    return "  ".join(cell.rjust(10) for cell in cells)


def _counters(status: Mapping[str, object]) -> None:
    counters = status["counters"]
    assert isinstance(counters, dict)
    print("  " + ", ".join(f"{name} {value:,}" for name, value in counters.items() if value))
