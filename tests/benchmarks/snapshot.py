"""Snapshots and series of a container with a full day in memory, while changes come: latency over HTTP, and queries."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from statistics import quantiles

import httpx

from streamer.change import Change, Key, State, iso_time
from streamer.cursor import Cursor, Page
from streamer.hub.window import Window
from streamer.present import Present
from streamer.series import SeriesPage, SeriesRequest
from streamer.sse.events import Metrics
from streamer.web.app import RestPart
from streamer.web.identity import Identity
from tests.factories import change, state
from tests.integration.rig import Rig, Trusted, running

_ITEMS = 150_000
_RATE = 50
_SECONDS = 6.0
_DAY_MS = 86_400_000
_TICKERS = [f"T{number}" for number in range(400)]
_QUESTIONS = {
    "200 rows of all tickers": "/api/v2/sentiment?limit=200",
    "200 rows of 5 tickers": f"/api/v2/sentiment?limit=200&tickers={','.join(_TICKERS[:5])}",
    "200 rows of 50 tickers": f"/api/v2/sentiment?limit=200&tickers={','.join(_TICKERS[:50])}",
    "3 rows of a rare ticker": "/api/v2/sentiment?limit=200&tickers=RARE&since=",
    "24 h of 5 tickers by 5 min": f"/api/v2/sentiment/series?bucket=300&tickers={','.join(_TICKERS[:5])}",
    "24 h of 40 tickers by 1 h": f"/api/v2/sentiment/series?bucket=3600&tickers={','.join(_TICKERS[:40])}",
}


class _Table:
    """Counts what would be queries."""

    pages = 0

    async def page(self, tickers: frozenset[str] | None, since: str | None, limit: int, cursor: Cursor | None) -> Page:
        self.pages += 1
        return Page((), None)


class _Reader:
    """The memory of the rig's hub, which does not exist before the application."""

    def __init__(self) -> None:
        self.table = _Table()
        self.present: Present | None = None

    async def page(self, tickers: frozenset[str] | None, since: str | None, limit: int, cursor: Cursor | None) -> Page:
        assert self.present is not None
        return await self.present.page(tickers, since, limit, cursor)

    async def series(self, request: SeriesRequest) -> SeriesPage:
        assert self.present is not None
        return await self.present.series(request)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _scored(rng: random.Random, *tickers: str) -> State:
    label = rng.choice(["positive", "neutral", "negative"])
    named = tickers or rng.sample(_TICKERS, rng.choice([1, 1, 2]))
    return state(label, *named, score=f"{rng.uniform(-1, 1):.3f}", confidence="0.8", updated_at=iso_time(_now_ms()))


def _fill(rig: Rig, rng: random.Random) -> None:
    now_ms = _now_ms()
    rig.hub.window = Window(now_ms - _DAY_MS)
    states = [_scored(rng) for _ in range(5_000)]
    for number in range(_ITEMS):
        key = Key(f"news:{number}", iso_time(now_ms - _DAY_MS + 60_000 + number * (_DAY_MS - 60_000) // _ITEMS))
        rig.hub.window.put(key, _scored(rng, "RARE") if number % (_ITEMS // 3) == 7 else states[number % 5_000], now_ms)
    rig.hub.proved(now_ms, now_ms - _DAY_MS, ended_ms=now_ms)


async def _publish(rig: Rig, rng: random.Random) -> None:
    """New items, and corrections of recent ones, at an even rate."""
    began, number = time.monotonic(), 0
    while True:
        now_ms = _now_ms()
        key = Key(f"live:{number - number % 2}", iso_time(now_ms if number % 2 == 0 else now_ms - 20))
        changes: list[Change] = [change(_scored(rng), number + 1, key=key)]
        rig.hub.publish(changes, dated_ms=now_ms, now_ms=now_ms)
        rig.delivery.schedule_flush()
        number += 1
        await asyncio.sleep(max(0.0, began + number / _RATE - time.monotonic()))


async def _timed(ask: Callable[[], Awaitable[httpx.Response]]) -> tuple[list[float], int, float]:
    """The milliseconds of each answer, the size of the last one, and the loop's CPU time an answer in milliseconds."""
    took: list[float] = []
    size, used, until = 0, 0.0, time.monotonic() + _SECONDS
    while time.monotonic() < until:
        began, cpu = time.perf_counter(), time.thread_time()
        answer = await ask()
        took.append((time.perf_counter() - began) * 1000)
        used += time.thread_time() - cpu
        assert answer.status_code == httpx.codes.OK, answer.text
        size = len(answer.content)
        await asyncio.sleep(0.01)
    return took, size, used * 1000 / len(took)


async def _run() -> None:
    rng = random.Random(16)
    reader = _Reader()

    async def count() -> Metrics:
        raise NotImplementedError

    part = RestPart(identity=Identity(()), configurations=None, snapshot=reader, count=count, series=reader)
    async with running(rest=part) as rig, httpx.AsyncClient(base_url=rig.base, trust_env=False, timeout=30) as http:
        _fill(rig, rng)
        reader.present = Present(rig.hub, Trusted(), reader.table)
        publishing = asyncio.create_task(_publish(rig, rng))
        since = iso_time(_now_ms() - _DAY_MS + 600_000)
        for name, path in _QUESTIONS.items():
            target = path + since if path.endswith("since=") else path
            before = reader.table.pages
            took, size, cpu = await _timed(lambda target=target: http.get(target))  # type: ignore[misc]
            p99 = quantiles(took, n=100)[98]
            queries = reader.table.pages - before
            middle = sorted(took)[len(took) // 2]
            print(f"  {name:30}{middle:9.1f}{p99:9.1f}{max(took):9.1f}{cpu:9.1f}{size / 1000:9.0f}{queries:9}")
        publishing.cancel()
        await asyncio.gather(publishing, return_exceptions=True)


def main() -> None:
    """Prints the table. Server, client and publisher share one event loop, so the times are upper bounds."""
    print(
        f"answers from a memory of {_ITEMS:,} items at {_RATE} changes a second (aim: p99 of 200 rows 20 ms, no query)"
        f"\n  {'':30}{'p50 ms':>9}{'p99 ms':>9}{'max ms':>9}{'CPU ms':>9}{'kB':>9}{'queries':>9}"
    )
    asyncio.run(_run())


if __name__ == "__main__":
    main()
