"""A recording holds what passed, line by line, whatever ends it."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from contextlib import suppress
from pathlib import Path

import pytest

from streamer import tools
from streamer.tools.record.recording import RecordingWriter, event_line, header, message_line, record_line
from streamer.tools.record.url import record_url
from streamer.tools.terminal.errors import ToolError, UsageError
from streamer.tools.terminal.limits import EndLimits


def test_a_header_says_what_it_is() -> None:
    assert json.loads(header("table", "sentiment", now_ms=1_795_359_400_123)) == {
        "format": "sentiment-recording",
        "v": 1,
        "source": {"kind": "table", "name": "sentiment"},
        "recorded_at": "2026-11-22T14:56:40.123Z",
        "whole": False,
    }


def test_a_message_keeps_every_digit_and_becomes_one_line() -> None:
    line = message_line(7, '{"score":\n0.12345678901234567890123456789012345678,\r"n":1E-130}')
    assert "0.12345678901234567890123456789012345678" in line
    assert "1E-130" in line
    assert "\n" not in line
    assert json.loads(line)["at"] == 7


def test_what_is_no_json_is_kept_as_text() -> None:
    assert json.loads(message_line(7, "<html>\n")) == {"at": 7, "message": "<html>\n"}
    assert json.loads(event_line(7, "metrics", None, "[[")) == {"at": 7, "event": "metrics", "id": None, "data": "[["}


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_each_line_is_in_the_file_before_the_next(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with RecordingWriter(str(path)) as recorder:
        recorder.head(header("table", "t", now_ms=0))
        for seq in range(3):
            recorder.add(record_line(seq, {"é": seq}))
            text = path.read_bytes()
            if name.endswith(".gz"):
                text = _so_far(text)
            assert text.count(b"\n") == seq + 2
            assert text.endswith(b"\n")
        assert recorder.lines == 3
    whole = gzip.decompress(path.read_bytes()) if name.endswith(".gz") else path.read_bytes()
    assert [json.loads(line)["record"] for line in whole.splitlines()[1:]] == [{"é": 0}, {"é": 1}, {"é": 2}]


def _so_far(text: bytes) -> bytes:
    return zlib.decompressobj(wbits=31).decompress(text)


def test_a_file_that_is_there_is_not_overwritten_unless_that_is_wanted(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("precious")
    with pytest.raises(UsageError, match="--force"):
        RecordingWriter(str(path))
    assert path.read_text() == "precious"
    with RecordingWriter(str(path), force=True) as recorder:
        recorder.add("{}")
    assert path.read_text() == "{}\n"


def test_a_recording_that_never_began_leaves_no_file_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with suppress(RuntimeError), RecordingWriter(str(path)) as recorder:
        recorder.head("{}")
        raise RuntimeError
    assert not path.exists()


def test_a_full_disk_is_said_with_what_there_is() -> None:
    recorder = RecordingWriter("/dev/full", force=True)
    with pytest.raises(ToolError, match=r"/dev/full: No space left on device; the file has 0 lines"):
        recorder.add("{}")
    with pytest.raises(OSError, match="No space"):
        recorder._out.close()
    assert recorder._raw is not None


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_what_is_overwritten_stays_until_there_is_something_to_put_in_its_place(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"precious" * 100)
    with suppress(RuntimeError), RecordingWriter(str(path), force=True) as recorder:
        recorder.head("{}")
        raise RuntimeError
    assert path.read_bytes() == b"precious" * 100
    with RecordingWriter(str(path), force=True) as recorder:
        recorder.head("{}")
        recorder.add("[]")
    text = path.read_bytes()
    assert (gzip.decompress(text) if name.endswith(".gz") else text) == b"{}\n[]\n"


def test_what_is_no_file_is_never_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with suppress(RuntimeError), RecordingWriter(str(path), force=True) as recorder:
            recorder.head("{}")
            raise RuntimeError
        assert os.read(reader, 10) == b"{}\n"
    finally:
        os.close(reader)
    assert path.is_fifo()


def test_of_a_url_neither_password_nor_ticket_is_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def nothing_comes(*_: object) -> None: ...

    monkeypatch.setattr("streamer.tools.record.url._follow", nothing_comes)
    path = tmp_path / "a.jsonl"
    record_url("http://u:PASS@127.0.0.1:1/s?ticket=SECRET", str(path), EndLimits(), force=False)
    said = path.read_text() + capsys.readouterr().err
    assert "127.0.0.1:1/s" in said
    assert "PASS" not in said
    assert "SECRET" not in said


@pytest.mark.parametrize("command", [["record", "a.jsonl"], ["replay", "a.jsonl"]])
@pytest.mark.parametrize("option", ["--topic", "--table"])
def test_an_empty_name_is_not_the_demo(command: list[str], option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run([*command, option, ""]) == 2
    assert f"{option}='': empty" in capsys.readouterr().err


def test_a_file_without_a_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert tools.run(["record", ""]) == 2
    assert "FILE='': empty" in capsys.readouterr().err
