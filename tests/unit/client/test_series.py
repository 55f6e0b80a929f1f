"""All pages of a series as typed values, and errors that say what was wrong."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import httpx
import pytest

from streamer.client import SeriesFailed, read_series, response
from streamer.series import SeriesBucket, TickerSeries
from streamer.tools.status.reader import read_status, status_url
from streamer.tools.terminal.errors import ToolError
from tests.unit.client.scripted import Visit, serving

BUCKET = {
    "time": "2026-11-22T14:15:00.000Z", "items": 3, "positive": 2, "neutral": 0, "negative": 1,
    "mean": 0.123456, "least": -1, "greatest": 0.12345678901234567890, "last": 0.5,
}  # fmt: skip
TYPED = SeriesBucket(
    "2026-11-22T14:15:00.000Z", 3, 2, 0, 1, Decimal("0.123456"), Decimal(-1), Decimal("0.12345678901234567890"),
    Decimal("0.5"),
)  # fmt: skip


def page(cursor: str | None, *tickers: str, since: str = "2026-11-22T14:00:00.000Z") -> bytes:
    series = [{"ticker": ticker, "buckets": [BUCKET], "more": 1} for ticker in tickers]
    text = json.dumps({"bucket": 300, "since": since, "series": series, "cursor": cursor, "as_of": None})
    return text.replace("0.12345678901234568", "0.12345678901234567890").encode()


def answer(body: bytes, status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


async def read(*answers: bytes, **given: Any) -> tuple[Any, list[str]]:
    paths: list[str] = []

    async def script(visit: Visit) -> None:
        paths.append(visit.path)
        await visit.send(answers[len(paths) - 1])

    async with serving(*[script] * len(answers)) as server:
        return await read_series(server.url, ["AAPL", "F"], **given), paths


async def test_pages_are_joined_by_ticker() -> None:
    later = "2026-11-22T14:05:00.000Z"
    series, paths = await read(answer(page("c1", "AAPL")), answer(page(None, "AAPL", "F", since=later)), bucket=900)
    assert series.tickers == [TickerSeries("AAPL", [TYPED, TYPED]), TickerSeries("F", [TYPED])]
    assert series.since == later
    assert paths == [
        "/api/v2/sentiment/series?tickers=AAPL%2CF&bucket=900",
        "/api/v2/sentiment/series?tickers=AAPL%2CF&bucket=900&cursor=c1",
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (answer(b'{"detail":"bucket: give one of 60"}', "422 Unprocessable Content"), "422: bucket: give one of 60$"),
        (answer(b"<h1>", "502 Bad Gateway"), "answered 502$"),
        (answer(b"[]"), "did not answer with a series"),
        (answer(b"{"), "did not answer with a series"),
        (answer(b'{"since":"x","series":[{"ticker":"A","buckets":[{}]}],"cursor":null}'), "did not answer with a ser"),
        (answer(b'{"since":"x","series":7,"cursor":null}'), "did not answer with a series"),
        (b"", "cannot be read"),
    ],
)
async def test_an_answer_that_is_none_says_why(body: bytes, words: str) -> None:
    with pytest.raises(SeriesFailed, match=words):
        await read(body)


OPEN = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n"


async def silent(visit: Visit) -> None:
    await visit.send(OPEN + b": an event stream\n\n")
    await visit.reader.read()


async def endless(visit: Visit) -> None:
    await visit.send(OPEN)
    with suppress(ConnectionError):
        while True:
            await visit.send(b"data: 1\n\n" * 1_000)


@pytest.mark.parametrize(
    ("script", "words"), [(silent, "no complete answer within 0.3 s$"), (endless, "sent more than 1 MB$")]
)
async def test_an_answer_without_an_end_is_left(
    script: Callable[[Visit], Awaitable[None]], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        response, "LONGEST_WHOLE" if script is silent else "MOST_WHOLE", 0.3 if script is silent else 2**20
    )
    async with serving(script) as server:
        with pytest.raises(SeriesFailed, match=words):
            await read_series(server.url, ["AAPL"])
    async with serving(script) as server:
        with pytest.raises(ToolError, match=words):
            await read_status(status_url(server.url), httpx.Headers())


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1", "nonsense://x", "http://[", "http://[::1", "host:-1", "http://xn--/",
        "http://user:secret@127.0.0.1:1", "http://user:secret@[",
    ],
)  # fmt: skip
async def test_a_server_that_is_none_says_so_without_its_secrets(url: str) -> None:
    with pytest.raises(SeriesFailed) as raised:
        await read_series(url, ["AAPL"])
    assert "secret" not in str(raised.value)


async def test_the_url_and_the_tickers_may_be_short() -> None:
    async with serving(answer(page(None, "AAPL"))) as server:
        await read_series(server.url.removeprefix("http://"), "AAPL,F")
    assert server.visits[0].path == "/api/v2/sentiment/series?tickers=AAPL%2CF&bucket=300"
