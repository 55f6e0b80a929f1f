from __future__ import annotations

import asyncio
import signal
import sys
import threading
from functools import partial

import httpx
import pytest

from streamer import serve, service, settings
from streamer.aws.secrets import Secrets
from streamer.errors import SettingsError
from streamer.service import Service
from streamer.settings import Settings
from streamer.telemetry.log_queue import LogQueue
from tests.collector import collecting
from tests.unit.tables.fakes import FakeDynamo
from tests.watchdog import WATCHDOG

ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:prod/tickets-AbCdEf"
SECRET = "a-secret-of-24-characters"


def polling(**more: str) -> Settings:
    """A service without a queue."""
    return settings.read({"SENTIMENT_TABLE": "sentiment", "SSE_INTAKE": "poll", "SSE_WINDOW_FILL": "0"} | more)


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> FakeDynamo:
    dynamo = FakeDynamo()
    monkeypatch.setattr("streamer.aws.clients.connect_table", lambda: dynamo)
    return dynamo


async def test_secrets_are_read_before_anything_starts_and_not_by_the_event_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    readers: list[int] = []

    def fetch(arn: str) -> str:
        readers.append(threading.get_ident())
        return SECRET

    monkeypatch.setattr(service, "Secrets", partial(Secrets, fetch=fetch))
    made = Service(polling(GATEWAY_SECRET=ARN, TICKET_SECRET=ARN))
    assert not readers
    async with made:
        assert len(readers) == 2
    assert threading.get_ident() not in readers


async def test_secrets_that_cannot_be_had_end_the_start(monkeypatch: pytest.MonkeyPatch, table: FakeDynamo) -> None:
    def fetch(arn: str) -> str:
        raise KeyError("SecretString")

    monkeypatch.setattr(service, "Secrets", partial(Secrets, fetch=fetch))
    made = Service(polling(TICKET_SECRET=ARN))
    with pytest.raises(SettingsError, match="TICKET_SECRET"):
        await made.__aenter__()
    assert not table.requests


async def test_lines_of_log_that_were_lost_are_counted() -> None:
    logs = LogQueue()
    made = Service(polling(), logs)
    async with made:
        logs.dropped = 7
        await asyncio.sleep(0)  # its tasks begin
    counters = made.status.members()["counters"]
    assert isinstance(counters, dict)
    assert counters["log_lines_dropped"] == 7
    logs.close()


def test_where_uvloop_is_not_installed_asyncios_own_loop_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    loops: list[asyncio.AbstractEventLoop] = []

    async def serving(*_: object) -> None:
        loops.append(asyncio.get_running_loop())

    monkeypatch.setattr(serve, "_serve", serving)
    serve.serve(polling(SSE_PORT="0"))
    monkeypatch.setitem(sys.modules, "uvloop", None)  # its import raises ImportError
    serve.serve(polling(SSE_PORT="0"))
    assert [type(loop).__module__.partition(".")[0] for loop in loops] == ["uvloop", "asyncio"]


def test_a_service_on_a_loop_that_handles_no_signals_drains_when_one_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows: without uvloop, and with a loop that knows no signal handlers."""

    def unknown(*_: object) -> None:
        raise NotImplementedError

    asked: list[bool] = []

    async def drain(made: Service) -> None:
        asked.append(True)

    async def started(made: Service) -> None:
        signal.raise_signal(signal.SIGTERM)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    monkeypatch.setitem(sys.modules, "uvloop", None)
    monkeypatch.setattr(asyncio.SelectorEventLoop, "add_signal_handler", unknown)
    monkeypatch.setattr(Service, "drain", drain)
    monkeypatch.setattr(serve, "_spare_the_collector", started)
    try:
        serve.serve(polling(SSE_PORT="0"))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert asked


async def test_the_last_spans_are_sent_before_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.telemetry.otlp._END_TIMEOUT", WATCHDOG)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with collecting() as collector:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        made = Service(polling(TRACING="otlp"))
        async with made, httpx.AsyncClient(transport=httpx.ASGITransport(made.app), base_url="http://here") as http:
            await http.get("/api/v2/stream/status")
        assert [span.name for span in collector.spans] == ["GET /api/v2/stream/status"]
