"""What scales with people: 10,000 different filters, and 10,000 clients that come back after a deploy.

100 changes a second go through 1,000 tickers by turns, and each client asks for five of them. No peer takes part: none
of them has filters.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime
from typing import Final

from streamer.place import Place, new_run
from tests.benchmarks.fan_out.bench import Bench
from tests.benchmarks.fan_out.machine import TooFewFiles, allow_files, cpu_seconds, family
from tests.benchmarks.fan_out.payload import ticker
from tests.benchmarks.fan_out.scenario import OURS
from tests.benchmarks.fan_out.servers import start

_CLIENTS: Final = 10_000
_TICKERS: Final = 1_000
_RATE: Final = 100
_SECONDS: Final = 10.0
_LIVE: Final = 100
"""Streams without a filter that are live before the others come back."""
_FILL: Final = 60.0
"""Seconds of changes before the others come back: their places are some 25 s old."""
_AT_MOST: Final = 60.0
_ALL: Final = "/api/v2/stream?events=sentiment_update"


def main() -> None:
    """Prints both tables."""
    try:
        allow_files(_CLIENTS + _LIVE)
    except TooFewFiles as error:
        sys.exit(f"many: {error}")
    with Bench() as bench:
        one, many = _filters(bench, _paths(1)), _filters(bench, _paths(_CLIENTS))
        print(f"{_CLIENTS:,} streams of five tickers each, {_RATE} changes/s through {_TICKERS:,} tickers")
        print(f"  one filter        {one:6.1f} µs of CPU an event")
        print(f"  {_CLIENTS:,} filters    {many:6.1f} µs of CPU an event   {many / one:.2f} x (aim: 1.3)")
        _come_back(bench)


def _paths(filters: int) -> list[str]:
    """The filters' first tickers are spread evenly, so that each ticker is in as many filters."""
    return [
        f"{_ALL}&tickers=" + ",".join(ticker(number + step * step, _TICKERS) for step in (0, 3, 7, 12, 18))
        for number in range(filters)
    ]


def _filters(bench: Bench, paths: list[str]) -> float:
    """Microseconds of the service's CPU for each delivered event."""
    with bench.serving(OURS, _CLIENTS, tickers=_TICKERS) as (running, queue):
        pids = family(running.pid)
        bench.client.ask("open", port=running.port, paths=paths, count=_CLIENTS, sampled=10, stuck=0)
        queue.ask("publish", rate=_RATE, seconds=1.0, tick=0.01, pair=0)
        bench.client.ask("begin")
        cpu = cpu_seconds(pids)
        queue.ask("publish", rate=_RATE, seconds=_SECONDS, tick=0.01, pair=0)
        expected = round(_RATE * _SECONDS * _CLIENTS * 5 / _TICKERS)
        came = bench.client.ask("result", expected=expected, at_most=5.0, seconds=_SECONDS)
        cpu = cpu_seconds(pids) - cpu
        bench.client.ask("close")
    if came["events"] < expected:
        print(f"  {expected - came['events']:,} of {expected:,} events missed")
    events: int = came["events"]
    return cpu / max(1, events) * 1e6


def _come_back(bench: Bench) -> None:
    with bench.serving(OURS, _CLIENTS + _LIVE, tickers=_TICKERS) as (running, queue):
        pids = family(running.pid)
        bench.client.ask("open", port=running.port, paths=[_ALL], count=_LIVE, sampled=_LIVE, stuck=0)
        queue.ask("publish", rate=_RATE, seconds=_FILL, tick=0.01, pair=0)
        ages = start.status(running.port)["ages"]
        assert isinstance(ages, dict)
        now_ms = datetime.now(UTC).timestamp() * 1000
        place = Place(round(now_ms - 1000 * ages["watermark_seconds"]), new_run(), 1)
        bench.client.ask("begin")
        cpu = cpu_seconds(pids)
        queue.tell("publish", rate=_RATE, seconds=1.5 * _SECONDS, tick=0.01, pair=0)
        order = {"paths": _paths(_CLIENTS), "count": _CLIENTS, "seconds": _SECONDS, "place": str(place)}
        came = bench.client.ask("come_back", port=running.port, at_most=_AT_MOST, **order)
        cpu = cpu_seconds(pids) - cpu
        queue.answer()
        time.sleep(0.5)
        live = bench.client.ask("result", expected=0, at_most=0.0, seconds=1.5 * _SECONDS)
        bench.client.ask("close")
    print(f"{_CLIENTS:,} clients come back within {_SECONDS:.0f} s with places of another container")
    print(f"  all live after    {came['seconds']:6.1f} s (aim: 15)   {came['left']:,} not, {came['ended']:,} ended")
    print(f"  CPU               {cpu:6.1f} s")
    print(f"  p99 of the {_LIVE} that were live {live['p99_ms'] or float('nan'):.0f} ms (aim: 200)")
