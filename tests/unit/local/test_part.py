"""The parts' command line; tests/image/test_compose.py and the demo's test run them."""

from __future__ import annotations

import io
import json
import os

import pytest

from streamer.local import part


@pytest.mark.parametrize("name", ["tables", "relay", "writer"])
def test_a_part_without_the_address_of_the_aws_names_the_setting(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for own in ("configure", "_stop_event"):
        monkeypatch.setattr(f"streamer.local.part.{own}", lambda *_: None)  # the process's own, here pytest's
    with pytest.raises(SystemExit, match="AWS_ENDPOINT_URL: not set"):
        part.main([name])


def test_a_part_is_required(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        part.main([])
    assert "PART" in capsys.readouterr().err


class Input:
    def __init__(self, line: str) -> None:
        self.buffer = io.BytesIO(line.encode())


def test_a_child_reads_its_environment_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str | None] = []
    monkeypatch.setattr(part, "configure", lambda *_: None)
    monkeypatch.setattr(part, "_end_with_parent", lambda: None)
    monkeypatch.setattr(part, "_serve", lambda _: seen.append(os.environ.get("SSE_PORT")))
    monkeypatch.setenv("SSE_PORT", "1")
    for line, expected in ((json.dumps({"SSE_PORT": "4711"}) + "\n", ["4711"]), ("", [])):
        seen.clear()
        monkeypatch.setattr("sys.stdin", Input(line))
        assert part.main(["--child", "serve"]) == 0
        assert seen == expected, "without a line the parent has ended already"
