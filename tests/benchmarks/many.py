"""What 10,000 different filters cost beside one.

100 changes a second go through 1,000 tickers by turns, and each client asks for five of them. No peer takes part: none
of them has filters.
"""

from __future__ import annotations

import sys
from typing import Final

from tests.benchmarks.come_back import CLIENTS, RATE, TICKERS, paths
from tests.benchmarks.fan_out.bench import Bench
from tests.benchmarks.fan_out.machine import TooFewFiles, allow_files, cpu_seconds, family
from tests.benchmarks.fan_out.scenario import OURS

_SECONDS: Final = 10.0


def main() -> None:
    """Prints the table."""
    try:
        allow_files(CLIENTS)
    except TooFewFiles as error:
        sys.exit(f"many: {error}")
    with Bench() as bench:
        one, many = _filters(bench, paths(1)), _filters(bench, paths(CLIENTS))
        print(f"{CLIENTS:,} streams of five tickers each, {RATE} changes/s through {TICKERS:,} tickers")
        print(f"  one filter        {one:6.1f} µs of CPU an event")
        print(f"  {CLIENTS:,} filters    {many:6.1f} µs of CPU an event   {many / one:.2f} x (aim: 1.3)")


def _filters(bench: Bench, asked: list[str]) -> float:
    """Microseconds of the service's CPU for each delivered event."""
    with bench.serving(OURS, CLIENTS, tickers=TICKERS) as (running, queue):
        pids = family(running.pid)
        bench.client.ask("open", port=running.port, paths=asked, count=CLIENTS, sampled=10, stuck=0)
        queue.ask("publish", rate=RATE, seconds=1.0, tick=0.01, pair=0)
        bench.client.ask("begin")
        cpu = cpu_seconds(pids)
        queue.ask("publish", rate=RATE, seconds=_SECONDS, tick=0.01, pair=0)
        expected = round(RATE * _SECONDS * CLIENTS * 5 / TICKERS)
        came = bench.client.ask("result", expected=expected, at_most=5.0, seconds=_SECONDS)
        cpu = cpu_seconds(pids) - cpu
        bench.client.ask("close")
    if came["events"] < expected:
        print(f"  {expected - came['events']:,} of {expected:,} events missed")
    events: int = came["events"]
    return cpu / max(1, events) * 1e6
