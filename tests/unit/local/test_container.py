"""The parts' command line; tests/image/test_compose.py runs them."""

from __future__ import annotations

import pytest

from streamer.local.container import main


@pytest.mark.parametrize("part", ["tables", "relay", "writer"])
def test_a_part_that_was_not_told_where_the_aws_is_says_so(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    for name in ("configure", "_stop"):
        monkeypatch.setattr(f"streamer.local.container.{name}", lambda *_: None)  # the process's own, here pytest's
    with pytest.raises(SystemExit, match="AWS_ENDPOINT_URL: not set"):
        main([part])


def test_no_part_is_no_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "PART" in capsys.readouterr().err
