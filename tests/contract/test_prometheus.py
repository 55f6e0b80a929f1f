"""`GET /metrics` is what Prometheus reads, from the one catalogue; and docs/grafana.json names nothing else."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from streamer import settings
from streamer.service import Service
from streamer.telemetry import prometheus
from streamer.telemetry.catalogue import COUNTERS, GAUGES, HOPS
from streamer.telemetry.histogram import Histogram
from tests.contract import grafana
from tests.unit.tables.fakes import FakeDynamo

TOKEN = "a-token-of-24-characters"
OTHER = "another-token-of-32-characters"
DOCS = Path(__file__).parents[2] / "docs"
SAMPLED = {prometheus.family(metric): metric for metric in (*GAUGES, *COUNTERS, *HOPS)}


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.aws.clients.connect_table", FakeDynamo)


def parsed(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


def parsed_openmetrics(text: str) -> list[Metric]:
    return list(openmetrics.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]


def service(**more: str) -> Service:
    return Service(settings.read({"SENTIMENT_TABLE": "sentiment", "SSE_INTAKE": "poll", "SSE_WINDOW_FILL": "0"} | more))


def asking(service: Service, peer: str = "192.0.2.1") -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app, client=(peer, 4711)), base_url="http://streamer.example"
    )


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    made = service(METRICS_TOKEN=f"{TOKEN},{OTHER}")
    made.status._counters.add("events_delivered", 7)
    for milliseconds in (0, 5, 5.1, 2_999, 61_000):
        made.status._lags.add("committed_to_sent", milliseconds)
    async with asking(made) as client:
        client.headers["Authorization"] = f"Bearer {TOKEN}"
        yield client


async def test_the_text_is_what_prometheus_reads_and_has_the_whole_catalogue(http: httpx.AsyncClient) -> None:
    answer = await http.get("/metrics")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
    assert answer.headers["cache-control"] == "no-store"
    families = {family.name: family for family in parsed(answer.text)}
    assert families.keys() == {*SAMPLED, f"{prometheus.BUILD}_info"}
    for name, metric in SAMPLED.items():
        kind = {"counter": "counter", "gauge": "gauge", "distribution": "histogram"}[metric.kind]
        assert (families[name].type, families[name].documentation) == (kind, metric.meaning)
        if kind == "counter":
            assert [sample.name for sample in families[name].samples] == [f"{name}_total"]
    assert families["sentiment_streamer_events_delivered"].samples[0].value == 7
    assert families["sentiment_streamer_canary_age_seconds"].samples == [], "no canary has come yet"


async def test_openmetrics_is_for_who_asks_for_it(http: httpx.AsyncClient) -> None:
    asked = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3"
    answer = await http.get("/metrics", headers={"Accept": asked})
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = {family.name: family for family in parsed_openmetrics(answer.text)}
    assert families.keys() == {*SAMPLED, prometheus.BUILD}
    assert families[prometheus.BUILD].type == "info"
    assert families["sentiment_streamer_delivered_bytes"].unit == "bytes"


async def test_a_latency_is_counted_by_size_since_the_start(http: httpx.AsyncClient) -> None:
    text = (await http.get("/metrics")).text
    counts = dict(re.findall(r'committed_to_sent_seconds_bucket\{le="(.*?)"\} (\d+)', text))
    assert (counts["0.005"], counts["0.01"], counts["2.5"], counts["3.0"]) == ("2", "3", "3", "4")
    assert (counts["60.0"], counts["+Inf"]) == ("4", "5")
    assert "committed_to_sent_seconds_sum 64.0091\n" in text
    assert "committed_to_sent_seconds_count 5\n" in text


def test_texts_are_escaped() -> None:
    values = prometheus.Values(
        {metric.name: 0 for metric in COUNTERS},
        {metric.name: None for metric in GAUGES},
        {metric.name: Histogram() for metric in HOPS},
        'a\\b"c\nd',
    )
    read = parsed(prometheus.encode(values))
    assert read[0].samples[0].labels == {"version": 'a\\b"c\nd'}
    read = parsed_openmetrics(prometheus.encode(values, openmetrics=True))
    assert read[0].samples[0].labels == {"version": 'a\\b"c\nd'}
    assert prometheus._escaped('a\\b"c\nd', quotes=False) == 'a\\\\b"c\\nd'
    assert prometheus._escaped('a\\b"c\nd', quotes=True) == 'a\\\\b\\"c\\nd'


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer  {OTHER}", 200),
        (f"Bearer {TOKEN}x", 401),
        (f"Bearer {TOKEN},{OTHER}", 401),
        ("Bearer ", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
        (None, 401),
    ],
)
async def test_a_wrong_token_is_challenged(header: str | None, status: int) -> None:
    async with asking(service(METRICS_TOKEN=f"{TOKEN},{OTHER}")) as http:
        answer = await http.get("/metrics", headers={} if header is None else {"Authorization": header})
    assert answer.status_code == status
    assert answer.headers.get("www-authenticate") == ('Bearer realm="sentiment-streamer"' if status == 401 else None)
    assert ("sentiment_streamer_" in answer.text) is (status == 200)


async def test_two_authorizations_are_none() -> None:
    async with asking(service(METRICS_TOKEN=TOKEN)) as http:
        twice = [("Authorization", f"Bearer {TOKEN}")] * 2
        assert (await http.get("/metrics", headers=twice)).status_code == 401


@pytest.mark.parametrize(
    ("more", "peer", "status"),
    [
        ({"METRICS_NETWORKS": "10.0.0.0/8"}, "10.1.2.3", 200),
        ({"METRICS_NETWORKS": "10.0.0.0/8"}, "::ffff:10.1.2.3", 200),
        ({"METRICS_NETWORKS": "10.0.0.0/8"}, "192.0.2.1", 403),
        ({"METRICS_NETWORKS": "10.0.0.0/8", "METRICS_TOKEN": TOKEN}, "10.1.2.3", 200),
        ({"METRICS_NETWORKS": "10.0.0.0/8", "METRICS_TOKEN": TOKEN}, "192.0.2.1", 401),
        ({"METRICS_NETWORKS": "10.0.0.0/8", "FORWARDING_PROXIES": "10.1.0.0/16"}, "10.1.2.3", 403),
        ({"METRICS_NETWORKS": "10.0.0.0/8", "TRUSTED_PROXIES": "10.1.0.0/16"}, "10.1.2.3", 403),
    ],
)
async def test_an_address_opens_it_unless_it_forwards_for_others(more: dict[str, str], peer: str, status: int) -> None:
    async with asking(service(**more), peer) as http:
        answer = await http.get("/metrics", headers={"X-Forwarded-For": "10.9.9.9"})
    assert answer.status_code == status
    assert ("www-authenticate" in answer.headers) is (status == 401)


@pytest.mark.parametrize(
    "more", [{}, {"METRICS": "emf"}, {"METRICS_TOKEN": TOKEN, "AWS_LAMBDA_FUNCTION_NAME": "sentiment-stream"}]
)
async def test_it_is_off_unless_a_setting_opens_it_and_in_lambda(more: dict[str, str]) -> None:
    async with asking(service(**more)) as http:
        answer = await http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 404


async def test_head_has_no_content(http: httpx.AsyncClient) -> None:
    answer = await http.head("/metrics")
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_dashboard_is_made_from_the_catalogue() -> None:
    written = (DOCS / "grafana.json").read_text()
    assert written == grafana.text(), "python -m tests.contract.grafana >docs/grafana.json"


def test_the_dashboard_names_only_what_a_scrape_has() -> None:
    board = json.loads((DOCS / "grafana.json").read_text())
    samples = {name for name, metric in SAMPLED.items() if metric.kind == "gauge"}
    samples |= {f"{name}_total" for name, metric in SAMPLED.items() if metric.kind == "counter"}
    samples |= {f"{name}_bucket" for name, metric in SAMPLED.items() if metric.kind == "distribution"}
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    named = {name for query in queries for name in re.findall(r"[a-z_]*streamer_\w+", query)}
    assert named <= samples
    assert {name for name in samples if name.endswith("_total")} <= named, "every counter is on it"
    for query in queries:
        assert query.count("(") == query.count(")") > 0
    for panel in board["panels"]:
        legends = [target["legendFormat"] for target in panel.get("targets", ())]
        assert len(set(legends)) == len(legends)
        assert panel["type"] == "row" or panel["description"]
    places = [panel["gridPos"] for panel in board["panels"]]
    cells = [
        (x, y) for at in places for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert all(at["x"] + at["w"] <= 24 for at in places)
