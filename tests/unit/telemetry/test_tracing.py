"""What a tracing header says, and what goes to the daemon because of it."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from streamer.errors import SettingsError
from streamer.telemetry.tracing import NoTracing, Trace, Tracing, build, read_trace
from tests.daemon import PARENT, ROOT, Daemon, listening, trace


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    with listening() as made:
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", made.address)
        yield made


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (trace(), Trace(ROOT, PARENT, True)),
        (trace("0"), Trace(ROOT, PARENT, False)),
        (trace("?"), Trace(ROOT, PARENT, None)),
        (f"Self=1-67891234-12456789abcdef012345678;Root={ROOT}", Trace(ROOT, None, None)),
        (f"Sampled=1; Root={ROOT}", Trace(ROOT, None, True)),
        (None, None),
        ("", None),
        ("Root", None),
        ("Root=1-2;Sampled=1", None),
        (trace(parent="me"), None),
        (trace(root=ROOT.upper()), None),
        (f"Root={ROOT};" + "x" * 1_000, None),
    ],
)
def test_a_header_names_a_trace_or_none(header: str | None, said: Trace | None) -> None:
    assert read_trace(header) == said


def test_a_message_makes_a_segment_of_the_trace_that_brought_it(daemon: Daemon) -> None:
    began = time.time()
    with build("xray", "prod", in_lambda=False).message(trace()) as span:
        span.note(changes=3, events=2)
        assert daemon.documents() == [], "not before it is done"
    (segment,) = daemon.documents()
    assert (segment["name"], segment["trace_id"], segment["parent_id"]) == ("prod-streamer", ROOT, PARENT)
    assert re.fullmatch("[0-9a-f]{16}", segment["id"])
    assert began <= segment["start_time"] <= segment["end_time"] <= time.time()
    assert segment["annotations"] == {"kind": "message", "changes": 3, "events": 2}
    assert segment["in_progress"] is False
    assert "type" not in segment


@pytest.mark.parametrize("header", [None, "nonsense", trace("0"), trace("?"), f"Root={ROOT}", trace(parent="me")])
def test_a_message_whose_trace_is_not_recorded_makes_none(daemon: Daemon, header: str | None) -> None:
    with build("xray", "prod", in_lambda=False).message(header) as span:
        span.note(changes=3)
    assert daemon.documents() == []


def test_a_request_is_a_segment_with_how_it_was_answered(daemon: Daemon) -> None:
    tracing = build("xray", "prod", in_lambda=False)
    with tracing.request(trace("?")) as span:
        span.answered("GET", "/api/v2/configurations/{config_id}", 404)
    (segment,) = daemon.documents()
    assert (segment["name"], segment["trace_id"], segment["parent_id"]) == ("prod-streamer", ROOT, PARENT)
    assert segment["annotations"] == {
        "kind": "request",
        "method": "GET",
        "route": "/api/v2/configurations/{config_id}",
        "status": 404,
    }
    assert segment["http"] == {"request": {"method": "GET"}, "response": {"status": 404}}
    assert segment["error"] is True


def test_a_request_without_a_trace_begins_one(daemon: Daemon) -> None:
    with build("xray", "prod", in_lambda=False).request(None):
        pass
    (segment,) = daemon.documents()
    assert re.fullmatch("1-[0-9a-f]{8}-[0-9a-f]{24}", segment["trace_id"])
    assert "parent_id" not in segment


def test_a_stranger_can_forbid_a_record_but_not_buy_one(daemon: Daemon) -> None:
    tracing = build("xray", "prod", in_lambda=False)
    for _ in range(500):
        with tracing.request(trace("0")):
            pass
    assert daemon.documents() == []
    for _ in range(1_000):
        with tracing.request(trace("1")):
            pass
    assert 1 <= len(daemon.documents()) < 200


def test_in_lambda_a_request_is_a_subsegment_of_the_platforms_segment(daemon: Daemon) -> None:
    with build("xray", "prod", in_lambda=True).request(trace()) as span:
        span.answered("POST", "/api/v2/configurations", 503)
    (subsegment,) = daemon.documents()
    assert (subsegment["type"], subsegment["name"]) == ("subsegment", "request")
    assert (subsegment["trace_id"], subsegment["parent_id"]) == (ROOT, PARENT)
    assert (subsegment["annotations"]["status"], subsegment["fault"]) == (503, True)


@pytest.mark.parametrize("header", [None, trace("0"), trace("?"), f"Root={ROOT};Sampled=1"])
def test_in_lambda_the_platform_decides(daemon: Daemon, header: str | None) -> None:
    with build("xray", "prod", in_lambda=True).request(header):
        pass
    assert daemon.documents() == []


def test_an_exception_is_marked_and_passed_on_without_its_words(daemon: Daemon) -> None:
    tracing = build("xray", "prod", in_lambda=False)
    with pytest.raises(ValueError, match="secret"), tracing.message(trace()):
        raise ValueError("secret")
    (segment,) = daemon.documents()
    assert segment["fault"] is True
    assert "secret" not in str(segment)


def test_spans_may_overlap(daemon: Daemon) -> None:
    tracing = build("xray", "prod", in_lambda=False)
    first, second = tracing.message(trace()), tracing.message(trace(parent="0" * 16))
    with first as one:
        second.__enter__().note(changes=2)
        one.note(changes=1)
    second.__exit__(None, None, None)
    assert [(made["parent_id"], made["annotations"]["changes"]) for made in daemon.documents()] == [
        (PARENT, 1),
        ("0" * 16, 2),
    ]


@pytest.mark.parametrize("address", ["127.0.0.1:9", "localhost.invalid:2000"])
def test_a_daemon_that_is_not_there_is_not_told_of(
    address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    tracing = build("xray", "prod", in_lambda=False)
    with caplog.at_level(logging.DEBUG):
        for _ in range(3):
            with tracing.message(trace()):
                pass
    assert caplog.messages == []


@pytest.mark.parametrize("address", ["daemon", "127.0.0.1:", "tcp:127.0.0.1:2000"])
def test_an_address_that_is_none_is_named_with_its_remedy(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", address)
    with pytest.raises(
        SettingsError, match=re.escape(f"AWS_XRAY_DAEMON_ADDRESS='{address}': not an address; give HOST:PORT")
    ):
        build("xray", "prod", in_lambda=False)


def test_both_forms_of_the_address_are_taken(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", f"tcp:127.0.0.1:9 udp:{daemon.address}")
    with build("xray", "prod", in_lambda=False).message(trace()):
        pass
    assert len(daemon.documents()) == 1


@pytest.mark.parametrize("tracing", [NoTracing(), build("none", "prod", in_lambda=False)])
def test_who_does_not_want_traces_gets_none(tracing: Tracing) -> None:
    with tracing.message(trace()) as span, tracing.request(trace()) as other:
        span.note(changes=1)
        other.answered("GET", "/", 200)


def test_the_sdk_warns_of_nothing_and_patches_nothing() -> None:
    code = (
        "import asyncio, boto3, botocore.client, http.client, socket, sys, warnings\n"
        "warnings.simplefilter('error')\n"
        "watched = lambda: [botocore.client.BaseClient._make_api_call, http.client.HTTPConnection.request]\n"
        "before = watched()\n"
        "from streamer.telemetry.tracing import build\n"
        "tracing = build('xray', 'prod', in_lambda=False)\n"
        f"with tracing.message({trace()!r}): pass\n"
        "with tracing.request(None): pass\n"
        "async def factory(): return asyncio.get_running_loop().get_task_factory()\n"
        "print(before == watched(), asyncio.run(factory()))\n"
        "import tests.daemon\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout.strip(), done.stderr) == ("True None", "")
