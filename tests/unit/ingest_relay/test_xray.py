"""The relay's calls are subsegments of the invocation's trace, if that is recorded."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from ingest_relay.failures import FailureQueue
from ingest_relay.publish import PublishError, Topic
from ingest_relay.relay import Relay, build
from ingest_relay.settings import Settings
from ingest_relay.tracing import NoTracing, Tracing
from ingest_relay.xray import XRay
from tests.daemon import PARENT, ROOT, Daemon, listening, trace
from tests.unit.ingest_relay.fakes import QUEUE_URL, TIMED_OUT, TOPIC_ARN, FakeSns, FakeSqs
from tests.unit.ingest_relay.stream import TABLES, record


@pytest.fixture
def daemon(monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    with listening() as made:
        monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", made.address)
        yield made


def relay(sns: FakeSns, tracing: Tracing) -> Relay:
    return Relay(Topic(sns, TOPIC_ARN), FailureQueue(FakeSqs(), QUEUE_URL), TABLES, tracing=tracing)


def test_a_batch_is_a_subsegment_for_each_service_it_calls(daemon: Daemon) -> None:
    began = time.time()
    relay(FakeSns(), XRay()).relay([record(1), {}], trace=trace())
    publish, hand_over = daemon.documents()
    assert (publish["name"], publish["annotations"]) == ("publish", {"records": 2, "messages": 1})
    assert (hand_over["name"], hand_over["annotations"]) == ("hand over", {"records": 1})
    for subsegment in (publish, hand_over):
        assert (subsegment["type"], subsegment["trace_id"], subsegment["parent_id"]) == ("subsegment", ROOT, PARENT)
        assert began <= subsegment["start_time"] <= subsegment["end_time"] <= time.time()
    assert publish["id"] != hand_over["id"]


@pytest.mark.parametrize("header", [None, "", "nonsense", trace("0"), trace("?"), trace(parent="me"), f"Root={ROOT}"])
def test_what_is_not_recorded_is_relayed_all_the_same(daemon: Daemon, header: str | None) -> None:
    sns = FakeSns()
    relay(sns, XRay()).relay([record(1)], trace=header)
    assert (len(sns.taken), daemon.documents()) == (1, [])


def test_a_canary_that_fails_is_marked(daemon: Daemon) -> None:
    sns = FakeSns()
    sns.script.append(TIMED_OUT)
    with pytest.raises(PublishError):
        relay(sns, XRay()).canary(trace=trace())
    (subsegment,) = daemon.documents()
    assert (subsegment["name"], subsegment["fault"]) == ("canary", True)
    assert "cause" not in subsegment, "an error's words stay here"


def test_a_daemon_that_is_not_there_is_not_told_of(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AWS_XRAY_DAEMON_ADDRESS", "localhost.invalid:2000")
    tracing = XRay()
    with caplog.at_level(logging.DEBUG), tracing.span("publish", trace()):
        pass
    assert caplog.messages == []


@pytest.mark.parametrize(("setting", "made"), [("none", NoTracing), ("xray", XRay)])
def test_the_settings_choose(setting: str, made: type) -> None:
    settings = Settings(TOPIC_ARN, "us-east-1", QUEUE_URL, "sentiment", tracing=setting)
    assert isinstance(build(settings)._tracing, made)


def test_without_it_the_sdk_is_not_even_loaded() -> None:
    code = (
        "import sys\n"
        "from ingest_relay.relay import build\n"
        "from ingest_relay.settings import Settings\n"
        f"build(Settings({TOPIC_ARN!r}, 'us-east-1', {QUEUE_URL!r}, 'sentiment', metrics='emf'))\n"
        "print([name for name in sys.modules if name.startswith('aws_xray_sdk')])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
