"""What the demo answers when it cannot start."""

from __future__ import annotations

import argparse

import pytest

from streamer.local import demo
from streamer.local.ports import listener


def test_no_free_port_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("streamer.local.ports._TRIES", 1)
    with listener() as busy:
        port = busy.getsockname()[1]
        assert demo.run(argparse.Namespace(port=port)) == 1
    said = capsys.readouterr()
    assert (said.out, said.err) == (
        "",
        f"streamer demo: ports {port} to {port} are all in use; give another with --port\n",
    )
