"""10,000 clients that come back within seconds, beside nchan, and after a deploy.

nchan has no filters, so beside it every client takes all events, of which there can be only a few a second then; each
comes back to the server that it left, and lacks the same events. After a deploy the service's clients come back with
places of another container, each with a filter of five tickers.
"""

from __future__ import annotations

import math
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from streamer.place import Place, new_run
from tests.benchmarks.fan_out.bench import Bench
from tests.benchmarks.fan_out.machine import TooFewFiles, allow_files, cpu_seconds, family, nchan_version
from tests.benchmarks.fan_out.orders import Worker
from tests.benchmarks.fan_out.payload import ticker
from tests.benchmarks.fan_out.scenario import NAMES, NCHAN, OURS
from tests.benchmarks.fan_out.servers import start
from tests.benchmarks.fan_out.table import Spread, plain

CLIENTS: Final = 10_000
TICKERS: Final = 1_000
RATE: Final = 100
"""Changes a second through as many tickers by turns."""
ALL: Final = "/api/v2/stream?events=sentiment_update"
_SECONDS: Final = 10.0
_LIVE: Final = 100
"""Streams without a filter that are live before the others come back."""
_FILL: Final = 60.0
"""Seconds of changes before the others come back: their places are some 25 s old."""
_AT_MOST: Final = 60.0
_BESIDE_RATE: Final = 2
"""Events a second beside nchan, each to every client."""
_MISSED: Final = 25
"""Events that each client lacks beside nchan: 12 s of that rate. With 50 one core is full for longer than they come."""
_BEFORE: Final = 20
"""Events that they had before; their numbers begin with 0."""
_PUBLISHED: Final = 1.5 * _SECONDS
"""Seconds for which is published while they come back."""
_ROUNDS: Final = 3


@dataclass(frozen=True, slots=True)
class _Return:
    """What came of one return of all clients."""

    seconds: float
    """Until all had what they missed."""
    cpu: float
    """Seconds, of all processes of the server."""
    refused: int
    left: int
    """Clients that did not have it in the time."""
    p99_ms: float
    """Of the streams that were live before."""
    wrong: int
    """Gaps on the streams that were looked at, and first events that do not follow the place."""


def main() -> None:
    """Prints both tables."""
    try:
        allow_files(CLIENTS + _LIVE)
    except TooFewFiles as error:
        sys.exit(f"come_back: {error}")
    with Bench() as bench:
        servers = [server for server in (OURS, NCHAN) if server == OURS or nchan_version() is not None]
        rounds = [{server: _beside(bench, server) for server in servers} for _ in range(_ROUNDS)]
        print(
            f"{CLIENTS:,} clients without a filter come back within {_SECONDS:.0f} s to the server that they left;"
            f" each lacks {_MISSED} events, and {_BESIDE_RATE} more come each second"
        )
        rows = [(NAMES[server], *_row([found[server] for found in rounds])) for server in servers]
        head = ("server", "all live after s", "CPU s", "refused", "not live", "wrong", f"p99 of {_LIVE} live ms")
        print(plain(head, rows), end="")
        print(
            "nchan is left out: install nginx and libnginx-mod-nchan (Debian's packages)"
            if len(servers) == 1
            else "nchan alone: Centrifugo and Mercure are no packages of Debian"
        )
        found = _after_deploy(bench)
    print(
        f"\n{CLIENTS:,} clients of five tickers each come back within {_SECONDS:.0f} s with places of another"
        f" container; {RATE} changes/s"
    )
    print(f"  all live after    {found.seconds:6.1f} s (aim: 15)   {found.left:,} not, {found.refused:,} refused")
    print(f"  CPU               {found.cpu:6.1f} s")
    print(f"  p99 of the {_LIVE} that were live {found.p99_ms:.0f} ms (aim: 200)")


def paths(filters: int) -> list[str]:
    """The filters' first tickers are spread evenly, so that each ticker is in as many filters."""
    return [
        f"{ALL}&tickers=" + ",".join(ticker(number + step * step, TICKERS) for step in (0, 3, 7, 12, 18))
        for number in range(filters)
    ]


def _row(runs: list[_Return]) -> tuple[str, ...]:
    spreads = (Spread.of(run.seconds for run in runs), Spread.of(run.cpu for run in runs))
    counts = (sum(run.refused for run in runs), sum(run.left for run in runs), sum(run.wrong for run in runs))
    p99 = Spread.of(run.p99_ms for run in runs)
    return (*(spread.text(1) for spread in spreads), *(f"{count:,}" for count in counts), p99.text(0))


def _beside(bench: Bench, server: str) -> _Return:
    """Without filters, to the server that they left."""
    path = ALL if server == OURS else "/stream"
    with bench.serving(server, CLIENTS + _LIVE) as (running, publisher):
        time.sleep(0.3)  # by then nginx has its worker
        bench.client.ask("open", port=running.port, paths=[path], count=_LIVE, sampled=_LIVE, stuck=0)
        bench.client.ask("begin")
        publisher.ask("publish", rate=_BEFORE, seconds=1.0, tick=0, pair=0)
        bench.client.ask("result", expected=_BEFORE * _LIVE, at_most=5.0, seconds=1.0)
        place = bench.client.ask("place")["place"]
        publisher.ask("publish", rate=_MISSED, seconds=1.0, tick=0, pair=0)
        bench.client.ask("result", expected=(_BEFORE + _MISSED) * _LIVE, at_most=5.0, seconds=1.0)
        publisher.tell("publish", rate=_BESIDE_RATE, seconds=_PUBLISHED, tick=0, pair=0)
        found = _return(bench, running, publisher, [path], place, _MISSED)
        bench.client.ask("close")
    return found


def _after_deploy(bench: Bench) -> _Return:
    with bench.serving(OURS, CLIENTS + _LIVE, tickers=TICKERS) as (running, queue):
        bench.client.ask("open", port=running.port, paths=[ALL], count=_LIVE, sampled=_LIVE, stuck=0)
        queue.ask("publish", rate=RATE, seconds=_FILL, tick=0.01, pair=0)
        ages = start.status(running.port)["ages"]
        assert isinstance(ages, dict)
        now_ms = datetime.now(UTC).timestamp() * 1000
        place = Place(round(now_ms - 1000 * ages["watermark_seconds"]), new_run(), 1)
        queue.tell("publish", rate=RATE, seconds=_PUBLISHED, tick=0.01, pair=0)
        found = _return(bench, running, queue, paths(CLIENTS), str(place), 0)
        bench.client.ask("close")
    return found


def _return(
    bench: Bench, running: start.Running, publisher: Worker, asked: list[str], place: str, missed: int
) -> _Return:
    """Lets all clients come back while the publisher, which was told before, publishes."""
    pids = family(running.pid)
    bench.client.ask("begin")
    cpu = cpu_seconds(pids)
    order = {"count": CLIENTS, "seconds": _SECONDS, "at_most": _AT_MOST, "missed": missed}
    came = bench.client.ask("come_back", port=running.port, paths=asked, place=place, **order)
    cpu = cpu_seconds(pids) - cpu
    publisher.answer()
    time.sleep(0.5)
    live = bench.client.ask("result", expected=0, at_most=0.0, seconds=_PUBLISHED)
    wrong: int = came["gaps"] + (came["firsts"] not in ([], [_BEFORE]))
    return _Return(came["seconds"], cpu, came["refused"], came["left"], live["p99_ms"] or math.nan, wrong)
