"""What `streamer status` prints and with which code it ends, for a server that answers as a test says."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from streamer import tools
from streamer.change import parse_time
from streamer.tools.status.reader import status_url
from streamer.tools.status.report import lines, span
from streamer.tools.terminal.errors import UsageError
from tests.unit.client.scripted import Visit, answer, serving

STATUS: dict[str, Any] = {
    "connections": 1_203, "max_connections": 2_000, "available": 797, "available_to_all": 597,
    "uptime_seconds": 86_412.1, "mode": "push", "mode_reason": "the queue brings what the table has",
    "mode_since": "2026-11-22T09:02:11.480Z",
    "ages": {"change_seconds": 0.4, "canary_seconds": 12.0, "watermark_seconds": 14.9, "configurations_seconds": None},
    "lag": {
        "committed_to_sent": {"p50_ms": 512.5, "p99_ms": 1_800.0, "count": 4_000},
        "received_to_sent": {"p50_ms": None, "p99_ms": None, "count": 0},
    },
    "memory": {
        "history": {"items": 5_120, "limit": None, "bytes": 4_126_720, "bytes_limit": 67_108_864},
        "ledger": {"items": 12, "limit": 100_000, "bytes": 8_400, "bytes_limit": None},
        "unsent": {"items": 0, "limit": None, "bytes": 0, "bytes_limit": 1_000_000},
    },
    "version": "0.1.0",
}  # fmt: skip
NOW = parse_time("2026-11-22T12:04:11.480Z")


def replied(status: str = "200 OK", **changes: object) -> bytes:
    return answer(status, json.dumps(STATUS | changes).encode(), content_type="application/json")


async def ran(said: bytes, *arguments: str) -> int:
    async with serving(said) as server:
        return await asyncio.to_thread(tools.run, ["status", server.url, *arguments])


def test_the_table_is_aligned_and_has_what_an_operator_asks_first() -> None:
    assert NOW is not None
    assert list(lines(STATUS, NOW)) == [
        "mode                   push",
        "reason                 the queue brings what the table has",
        "since                  2026-11-22T09:02:11.480Z (3 h 2 min)",
        "queue                  changes arrive through the queue",
        "uptime                 1 d 0 h",
        "version                0.1.0",
        "streams                1,203 of 2,000; 797 free, 597 of them for anonymous callers",
        "last change            0.4 s ago",
        "last canary            12.0 s ago",
        "watermark              14.9 s ago",
        "configurations         -",
        "lag committed to sent  p50 512.5 ms, p99 1,800.0 ms, 4,000 samples",
        "memory                 4.1 MB in 3 structures",
        "  history              4.1 MB of 67.1 MB, 5,120 items",
        "  ledger               8.4 kB, 12 items of 100,000",
    ]


def test_a_server_that_says_something_else_is_shown_as_far_as_it_goes() -> None:
    odd = {"mode": "\x1b[2J\n", "ages": [], "lag": {"x": 1}, "memory": {"x": {"bytes": True}}, "uptime_seconds": "long"}
    text = list(lines(odd, 0))
    assert all(line.isprintable() for line in text)
    assert text[0] == "mode            \\x1b[2J "
    assert "uptime          -" in text
    assert "memory          0 B in 0 structures" in text
    huge = {"connections": float("inf"), "ages": {"change_seconds": 1e999}, "memory": {"x": {"bytes": 10**400}}}
    assert "memory          0 B in 0 structures" in list(lines(huge, 0))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (61, "1 min 1 s"),
        (7_260, "2 h 1 min"),
        (180_000, "2 d 2 h"),
        (None, "-"),
        (float("inf"), "-"),
        (float("nan"), "-"),
        pytest.param(-(10**400), "-", id="huge"),
        (True, "-"),
    ],
)
def test_a_span_has_two_units(seconds: object, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(
    ("stream", "status"),
    [
        ("http://host:1/api/v2/stream", "http://host:1/api/v2/stream/status"),
        ("http://host/api/v2/stream/status", "http://host/api/v2/stream/status"),
        ("https://host/gate/api/v2/configurations/c/stream?ticket=x", "https://host/gate/api/v2/stream/status"),
        ("https://host/gate/", "https://host/gate/api/v2/stream/status"),
    ],
)
def test_the_status_stands_beside_the_stream(stream: str, status: str) -> None:
    assert str(status_url(stream)) == status


@pytest.mark.parametrize("text", ["ftp://host/", "http://", "http://[::1"])
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a URL"):
        status_url(text)


async def test_a_server_whose_changes_arrive_is_0(capsys: pytest.CaptureFixture[str]) -> None:
    asked = []

    async def script(visit: Visit) -> None:
        asked.append((visit.path, visit.headers["x-who"]))
        await visit.send(replied())

    async with serving(script) as server:
        assert await asyncio.to_thread(tools.run, ["status", server.url, "-H", "X-Who: me"]) == 0
    assert asked == [("/api/v2/stream/status", "me")]
    assert capsys.readouterr().out.startswith("mode                   push\n")


async def test_a_server_that_is_down_is_3_also_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert await ran(replied(mode="down", mode_reason="AccessDenied\x9b"), "--json") == 3
    out = capsys.readouterr().out
    assert out[:-1].isprintable()
    assert json.loads(out) == STATUS | {"mode": "down", "mode_reason": "AccessDenied\x9b"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (replied("503 Service Unavailable"), "answered 503 Service Unavailable"),
        (answer("200 OK", b"<html>", content_type="text/html"), "did not answer with a status"),
        (answer("200 OK", b"{}", content_type="application/json"), "did not answer with a status"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "cannot be read"),
    ],
)
async def test_what_cannot_be_read_is_1_and_a_sentence(
    said: bytes, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await ran(said) == 1
    err = capsys.readouterr().err
    assert err.startswith("streamer status: http://127.0.0.1:")
    assert words in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("ftp://host/",), ("-H", "nonsense"), ("--nonsense",), ("a\udcff",)])
def test_called_wrongly_is_2(arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["status", *arguments]) == 2
    assert capsys.readouterr().err
