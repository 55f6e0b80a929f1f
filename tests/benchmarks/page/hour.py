"""An hour at 50 changes a second, as fast as the page takes it. What the page keeps is bounded by counts, not by time,
so that 180,000 changes of a scripted stream stand for the hour."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page, Playwright, expect

from tests.benchmarks.page.chromium import Inspector, browser, new_page
from tests.benchmarks.page.figure import Figure, growth
from tests.browser.scripted import Stream, begin, bucket, iso, serving, update, withdrawn
from tests.watchdog import WATCHDOG

_CHANGES = 180_000
_BATCH = 1000
_SAMPLED = 20_000
"""Changes between two samples."""
_TICKERS = [f"T{number}" for number in range(40)]
_LABELS = ("positive", "neutral", "negative")


def kept(playwright: Playwright, executable: str) -> list[Figure]:
    """Returns the memory and the elements, the most of all samples, and how much the memory grew between them."""
    with serving() as server, browser(playwright, executable) as launched:
        server.series = {ticker: [bucket()] for ticker in _TICKERS}
        page = new_page(launched)
        page.goto(server.url)
        stream = server.accept()
        begin(stream)
        stream.send("metrics", **_metrics())
        inspector = Inspector(page)
        changes = _changes()
        heaps: list[float] = []
        elements: list[int] = []
        for turn in range(1, _CHANGES // _BATCH + 1):
            for _ in range(_BATCH):
                name, data = next(changes)
                stream.send(name, **data)
            _wait(page, stream, turn)
            if turn * _BATCH % _SAMPLED == 0:
                heaps.append(inspector.heap())
                elements.append(inspector.elements())
    sampled = f"{', '.join(f'{heap:.1f}' for heap in heaps)} MB after each {_SAMPLED:,} changes"
    return [
        Figure(f"heap, {_CHANGES:,} changes", 15, max(heaps), " MB", 1, sampled),
        Figure("growth of the heap, first to last third", 0.5, growth(heaps), " MB", 2),
        Figure(f"elements, {_CHANGES:,} changes", 2500, max(elements)),
    ]


def _wait(page: Page, stream: Stream, turn: int) -> None:
    """Returns when the page has applied everything: it shows the number of open streams that a heartbeat says."""
    stream.send("heartbeat", timestamp=iso(), connections=turn, uptime_seconds=turn * 20, mode="push")
    expect(page.locator("#connections")).to_have_text(str(turn), timeout=WATCHDOG * 1000)


def _changes() -> Iterator[tuple[str, dict[str, Any]]]:
    """Mostly new items, of one or two tickers; some corrections and withdrawals of recent ones."""
    rng = random.Random(17)
    number = 0
    while True:
        number += 1
        item, score = f"wire:{number}", round(rng.uniform(-1, 1), 3)
        known: dict[str, Any] = {"item": item, "timestamp": iso(), "label": rng.choice(_LABELS), "score": score}
        first, second = rng.sample(_TICKERS, 2)
        yield "sentiment_update", update(**known, ticker=first)
        if number % 3 == 0:
            yield "sentiment_update", update(**known, ticker=second)
        if number % 7 == 0:
            yield "sentiment_update", update(**known | {"score": -score}, ticker=first, version="v2")
        if number % 50 == 0:
            yield "sentiment_withdrawn", withdrawn(item, first) | {"timestamp": known["timestamp"]}


def _metrics() -> dict[str, Any]:
    counts = {"total": 90, "positive": 30, "neutral": 30, "negative": 30}
    rates = {"rate_last_hour": 3000.0, "rate_last_24h": 3000.0}
    by_tag = dict.fromkeys(_TICKERS[:20], 4) | {"other": 10}
    return {**counts, **rates, "by_tag": by_tag, "since": iso(), "timestamp": iso()}
