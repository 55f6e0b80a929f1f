from __future__ import annotations

from pathlib import Path

import pytest

from streamer.local.discovery import RunningDemo, announced
from streamer.local.resources import Resources
from streamer.tools.tail.target import target


@pytest.fixture(autouse=True)
def nobody_runs_a_demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("http://host:1", "http://host:1/api/v2/stream"),
        ("https://host/", "https://host/api/v2/stream"),
        ("http://host?tickers=A", "http://host/api/v2/stream?tickers=A"),
        ("http://host/other", "http://host/other"),
        ("http://host/other?x=/", "http://host/other?x=/"),
        ("localhost:8080", "http://localhost:8080/api/v2/stream"),
        ("host/path", "http://host/path"),
        ("http://[::1", "http://[::1"),
        (None, "http://127.0.0.1:8080/api/v2/stream"),
    ],
)
def test_the_usual_path_is_added_where_there_is_none(given: str | None, meant: str) -> None:
    assert target(given) == meant


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (None, "http://127.0.0.1:8080/api/v2/configurations/my%20two%2F/stream"),
        ("host:1", "http://host:1/api/v2/configurations/my%20two%2F/stream"),
        ("https://host/api/v2/stream?ticket=x", "https://host/api/v2/configurations/my%20two%2F/stream?ticket=x"),
    ],
)
def test_a_configuration_has_its_own_path(given: str | None, meant: str) -> None:
    assert target(given, "my two/") == meant


def test_the_running_demo_is_found() -> None:
    resources = Resources("http://127.0.0.1:1", "us-east-1", "t", "u", "arn", "q", "s")
    with announced(RunningDemo(1, "http://127.0.0.1:9001", resources)):
        assert target(None) == "http://127.0.0.1:9001/api/v2/stream"
        assert target("http://host") == "http://host/api/v2/stream"
