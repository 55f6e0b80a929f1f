"""Each metric that a dashboard or an alarm may name is in lines that the code writes, and each that is written is in a
catalogue: the service on an AWS in this process, the relay's handler, and the reaper's."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import Iterator
from typing import Any, cast

import pytest

from ingest_relay import handler as relay_entry
from ingest_relay import metrics as relay
from streamer import settings
from streamer.change import iso_time
from streamer.clock import wall_ms
from streamer.functions import reaper
from streamer.functions.environment import load_settings
from streamer.local.clients import LocalClients
from streamer.local.provision import provision
from streamer.local.resources import Resources
from streamer.server.server import HttpServer
from streamer.server.sockets import listen
from streamer.service import Service
from streamer.telemetry import catalogue as streamer
from streamer.telemetry.report import EmfReport
from streamer.telemetry.writer import LineWriter
from tests.integration.rig import stream
from tests.watchdog import WATCHDOG

DEPLOYMENT = "contract-test"
UNITS = {"Count", "Bytes", "Milliseconds", "Seconds"}
"""Of those that CloudWatch knows:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html"""


@pytest.fixture
def resources(endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Resources]:
    made = provision(endpoint, suffix="-metrics")  # moto keeps one state for the whole process
    wanted = {"METRICS": "emf", "DEPLOYMENT_NAME": DEPLOYMENT, "SSE_RECEIVE_WAIT": "1", "SSE_WINDOW_FILL": "0"}
    for key, value in (made.environment() | wanted).items():
        monkeypatch.setenv(key, value)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    relay_entry.built_relay.cache_clear()
    load_settings.cache_clear()
    yield made
    relay_entry.built_relay.cache_clear()
    load_settings.cache_clear()
    root.handlers[:], root.level = handlers, level


class Kept(LineWriter):
    """Keeps the lines."""

    def __init__(self) -> None:
        super().__init__(-1, "metrics", cast("Any", None))
        self.lines: list[str] = []

    def start(self) -> None:
        """No thread is needed."""

    def put(self, line: bytes) -> bool:
        self.lines += line.decode().splitlines()
        return True


class Told(logging.Handler):
    """Says when a message has been logged; from any thread."""

    def __init__(self, *messages: str) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self.events = {message: asyncio.Event() for message in messages}

    def emit(self, record: logging.LogRecord) -> None:
        event = self.events.get(record.getMessage())
        if event is not None:
            self._loop.call_soon_threadsafe(event.set)


def declared(line: dict[str, Any]) -> dict[str, str]:
    """The metrics of a line by name, with their units; each is there, and the only dimension is the deployment."""
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == ("SentimentStreamer", [["Deployment"]])
    assert line["Deployment"] == DEPLOYMENT
    assert len(directive["Metrics"]) <= 100
    assert abs(line["_aws"]["Timestamp"] - wall_ms()) < 3_600_000
    found = {metric["Name"]: metric["Unit"] for metric in directive["Metrics"]}
    assert found.keys() <= line.keys()
    return found


def expected(emitter: str) -> dict[str, str]:
    return {each.name: each.unit for each in streamer.CATALOGUE if each.published and each.emitter == emitter}


def test_no_name_is_there_twice_and_each_unit_is_one_of_cloudwatchs() -> None:
    entries = [(metric.name, metric.unit) for metric in streamer.CATALOGUE]
    entries += [(metric.name, metric.unit) for metric in relay.CATALOGUE]
    assert len({name for name, _ in entries}) == len(entries)
    assert {unit for _, unit in entries} <= UNITS
    assert not streamer.PUBLISHED & relay.PUBLISHED


async def test_the_service_says_what_it_publishes(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    writer, reports, now_ms = Kept(), [], [wall_ms()]

    def report(*args: Any, **options: Any) -> EmfReport:
        # Its clock stands, so that no real minute ends during the test, and is an interval ahead when the test ticks.
        reports.append(EmfReport(*args, **options | {"writer": writer, "now_ms": lambda: now_ms[0]}))
        return reports[-1]

    monkeypatch.setattr("streamer.service.EmfReport", report)
    told = Told("lease taken", "ready")
    logging.getLogger().addHandler(told)
    logging.getLogger().setLevel(logging.INFO)
    service = Service(settings.read(os.environ))
    sns = LocalClients(resources.endpoint_url).sns()

    def publish(content: dict[str, Any]) -> None:
        sns.publish(TopicArn=resources.topic_arn, Message=json.dumps({"v": 1} | content))

    sock = listen("127.0.0.1", 0)
    server = HttpServer.of(service.app)
    with sock:
        async with asyncio.timeout(WATCHDOG), service:
            serving = asyncio.create_task(server.serve(sockets=[sock]))
            await asyncio.gather(*(event.wait() for event in told.events.values()))
            async with stream(f"http://127.0.0.1:{sock.getsockname()[1]}") as events:
                await events.until("metrics")
                await asyncio.to_thread(publish, {"canary": {"sent_at": wall_ms()}})
                record = {
                    "op": "INSERT",
                    "table": resources.sentiment_table,
                    "keys": {"source_id": "wire:1", "timestamp": iso_time(wall_ms())},
                    "new": {"matched_tickers": ["AAPL"], "sentiment": "positive", "score": 0.5},
                    "seq": "1",
                    "committed_at": wall_ms() // 1000 - 2,
                }
                await asyncio.to_thread(publish, {"relayed_at": wall_ms(), "changes": [record]})
                await events.until("sentiment_update")
                now_ms[0] += 60_000
                reports[0].tick()
            service.delivery.drain(0)
            server.should_exit = True
            await serving
    logging.getLogger().removeHandler(told)
    line, last = map(json.loads, writer.lines)
    assert declared(line) == expected("streamer")
    plain = {metric.name for metric in streamer.COUNTERS}
    assert line.keys() - {"_aws", "Deployment"} == plain | streamer.PUBLISHED - {
        metric.name for metric in streamer.REAPED
    }
    counted = {
        name: line[name] > 0 for name in ("queue_requests", "table_requests", "events_delivered", "streams_open")
    }
    assert set(counted.values()) == {True}, counted
    assert sum(line[f"mode_{mode}"] for mode in ("push", "poll", "both", "down")) == 1
    assert 2_000 <= line["committed_to_sent"]["Min"] < 60_000
    assert (line["committed_to_sent"]["Count"], line["events_published"]) == (1, 1)
    assert "streams_open" not in last, "who is about to end does not stand any way"
    assert last["streams_opened"] == 0


def test_the_relay_says_what_it_publishes(resources: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    relay_entry.handler({"canary": True}, None)
    relay_entry.handler({"Records": [{"eventSource": "aws:dynamodb"}]}, None)
    canary, batch = map(json.loads, capsys.readouterr().out.splitlines())
    published = {metric.name: metric.unit for metric in relay.CATALOGUE if metric.published}
    assert declared(canary) == declared(batch) == published
    assert batch.keys() - {"_aws", "Deployment"} == {metric.name for metric in relay.CATALOGUE}
    assert (canary["relay_canaries"], batch["relay_rejected"], batch["relay_records"]) == (1, 1, 1)


def test_the_reaper_says_what_it_publishes(resources: Resources, capsys: pytest.CaptureFixture[str]) -> None:
    reaper.handler({"prune": {}}, None)
    (line,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert declared(line) == expected("reaper")
    assert line.keys() - {"_aws", "Deployment"} == {metric.name for metric in streamer.REAPED}


def test_who_did_not_ask_for_metrics_gets_none(
    resources: Resources, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("METRICS")
    relay_entry.handler({"canary": True}, None)
    reaper.handler({"prune": {}}, None)
    assert capsys.readouterr().out == ""
