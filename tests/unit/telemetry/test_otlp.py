"""What reaches an OpenTelemetry collector, through the real exporter."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from streamer.errors import SettingsError
from streamer.telemetry import otlp
from streamer.telemetry.tracing import Trace, build, read_traceparent
from tests.collector import Collector, attributes, collecting
from tests.daemon import PARENT, ROOT, trace
from tests.watchdog import WATCHDOG

TRACE_ID = "6a1f0b2c0123456789abcdef01234567"
SAMPLED = f"00-{TRACE_ID}-{PARENT}-01"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    for key in ("OTEL_SERVICE_NAME", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_RESOURCE_ATTRIBUTES"):
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr(otlp, "_END_TIMEOUT", WATCHDOG)
    with collecting() as made:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", made.endpoint)
        yield made


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (SAMPLED, Trace(ROOT, PARENT, True)),
        (f"00-{TRACE_ID}-{PARENT}-00", Trace(ROOT, PARENT, False)),
        (f"00-{TRACE_ID}-{PARENT}-03", Trace(ROOT, PARENT, True)),
        (f"cc-{TRACE_ID}-{PARENT}-01-what-comes-later", Trace(ROOT, PARENT, True)),
        (f"{SAMPLED}-more", None),
        (f"ff-{TRACE_ID}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{TRACE_ID}-{'0' * 16}-01", None),
        (SAMPLED.upper(), None),
        (f"cc-{TRACE_ID}-{PARENT}-01-{'x' * 1_000}", None),
        ("nonsense", None),
        ("", None),
        (None, None),
    ],
)
def test_a_w3c_header_names_a_trace_or_none(header: str | None, said: Trace | None) -> None:
    assert read_traceparent(header) == said


async def test_a_message_is_a_span_of_the_relays_trace_and_a_request_has_its_answer(collector: Collector) -> None:
    tracing = build("otlp", "prod", in_lambda=False)
    with tracing.message("nonsense", SAMPLED) as span:
        span.note(changes=3, events=2)
    with tracing.message(trace()) as span:  # of a relay that knows X-Ray's header alone
        span.note(changes=1, events=0)
    with tracing.request(None, SAMPLED) as span:
        span.answered("GET", "/api/v2/configurations/{config_id}", 503)
    await tracing.end()
    message, older, request = collector.spans
    for each in collector.spans:
        assert (each.trace_id.hex(), each.parent_span_id.hex()) == (TRACE_ID, PARENT)
        assert each.start_time_unix_nano <= each.end_time_unix_nano
    assert (message.name, attributes(message)) == ("message", {"kind": "message", "changes": 3, "events": 2})
    assert attributes(older)["changes"] == 1
    assert message.kind == message.SPAN_KIND_CONSUMER
    assert (request.name, request.kind) == ("GET /api/v2/configurations/{config_id}", request.SPAN_KIND_SERVER)
    assert attributes(request) == {
        "kind": "request",
        "http.request.method": "GET",
        "http.route": "/api/v2/configurations/{config_id}",
        "http.response.status_code": 503,
    }
    assert request.status.code == request.status.STATUS_CODE_ERROR
    (resource,) = collector.resources
    assert resource["service.name"] == "prod-streamer"


async def test_what_is_not_sampled_is_not_sent(collector: Collector) -> None:
    tracing = build("otlp", "prod", in_lambda=False)
    off = f"00-{TRACE_ID}-{PARENT}-00"
    for header, traceparent in ((None, off), (trace("0"), None), (trace("?"), None), (trace("1"), off)):
        with tracing.message(header, traceparent) as span:
            span.note(changes=1)
    for _ in range(100):
        with tracing.request(None, off):
            pass
    await tracing.end()
    assert collector.spans == []


async def test_a_stranger_cannot_buy_a_record(collector: Collector) -> None:
    tracing = build("otlp", "prod", in_lambda=False)
    for _ in range(1_000):
        with tracing.request(None, SAMPLED):
            pass
    await tracing.end()
    assert 1 <= len(collector.spans) < 200


async def test_a_message_without_a_trace_begins_one(collector: Collector) -> None:
    tracing = build("otlp", "prod", in_lambda=False)
    with tracing.message(None):
        pass
    await tracing.end()
    (span,) = collector.spans
    assert span.parent_span_id == b""
    assert any(span.trace_id)


async def test_an_exception_is_marked_and_passed_on_without_its_words(collector: Collector) -> None:
    tracing = build("otlp", "prod", in_lambda=False)
    with pytest.raises(ValueError, match="secret"), tracing.message(None, SAMPLED):
        raise ValueError("secret")
    await tracing.end()
    (span,) = collector.spans
    assert span.status.code == span.status.STATUS_CODE_ERROR
    assert "secret" not in str(span)


async def test_a_collector_that_is_not_there_is_not_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    monkeypatch.setattr(otlp, "_END_TIMEOUT", WATCHDOG)
    tracing = build("otlp", "prod", in_lambda=False)
    with caplog.at_level(logging.DEBUG):
        with tracing.message(None, SAMPLED):
            pass
        await tracing.end()
    assert not [line for line in caplog.records if line.name.startswith(("opentelemetry", "streamer"))]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://[::1"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http:///v1/traces"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://host:99999"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"),
    ],
)
def test_a_variable_that_is_refused_is_a_mistake_of_the_settings(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        build("otlp", "prod", in_lambda=False)
    (mistake,) = caught.value.mistakes
    said = (
        f"{name}={value!r}: not a URL; give" if "ENDPOINT" in name else "TRACING=otlp: a variable OTEL_… is refused: "
    )
    assert mistake.startswith(said)


def test_a_function_refuses_it() -> None:
    with pytest.raises(SettingsError, match="TRACING=otlp: not in Lambda"):
        build("otlp", "prod", in_lambda=True)


def test_without_its_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamer.extras.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match=r"TRACING=otlp: opentelemetry.* missing; run pip"):
        build("otlp", "prod", in_lambda=False)


def test_nothing_of_it_is_loaded_unless_it_is_wanted() -> None:
    code = "import sys, streamer.service; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not {"opentelemetry.sdk", "opentelemetry.exporter"} & loaded
