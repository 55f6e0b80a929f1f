"""Whatever a file holds, its good lines are read, and its first bad one is named."""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamer.tools.record.recording import header, message_line, record_line
from streamer.tools.replay.reader import LONGEST, InputError, RecordedChange, RecordingReader
from tests.unit.tools.records import change

EVENTS = Path(__file__).parents[3] / "events"
HEAD = header("table", "sentiment", now_ms=0)


def read(content: bytes | str, name: str = "in.jsonl") -> tuple[list[RecordedChange], str]:
    """What was read of standard input with this content, and what was complained of."""
    data = content.encode() if isinstance(content, str) else content
    found: list[RecordedChange] = []
    try:
        with RecordingReader("-", io.BytesIO(data)) as reading:
            found.extend(reading)
    except InputError as error:
        return found, str(error)
    return found, ""


def seqs(found: list[RecordedChange]) -> list[int]:
    return [int(one.record["dynamodb"]["SequenceNumber"]) for one in found]


def lines(*values: Any) -> str:
    return "".join(f"{value if isinstance(value, str) else json.dumps(value)}\n" for value in values)


@pytest.mark.parametrize("path", sorted(EVENTS.glob("*.json")), ids=lambda path: path.stem)
@pytest.mark.parametrize("packed", [False, True])
def test_the_test_events_are_read_as_they_are(path: Path, packed: bool) -> None:
    text = path.read_bytes()
    found, complaint = read(gzip.compress(text) if packed else text)
    assert [one.record for one in found] == json.loads(text)["Records"]
    assert complaint == ""


def test_lines_of_events_and_recordings_go_together() -> None:
    found, complaint = read(
        lines({"Records": [change(1), change(2)]}, "", HEAD, record_line(5, change(3)), HEAD, change(4))
    )
    assert seqs(found) == [1, 2, 3, 4]
    assert [one.at for one in found] == [None, None, 5, None]
    assert complaint == ""


def test_a_topics_recording_becomes_stream_records_again() -> None:
    message = {
        "v": 1,
        "relayed_at": 1,
        "changes": [{"op": "INSERT", "table": "t", "keys": {}, "new": {}, "seq": "9", "committed_at": 3}],
    }
    canary = {"v": 1, "canary": {"sent_at": 1}}
    text = lines(HEAD, message_line(5, json.dumps(message)), message_line(6, json.dumps(canary)), message_line(7, "?"))
    reading = RecordingReader("-", io.BytesIO(text.encode()))
    assert seqs(list(reading)) == [9]
    assert reading.skipped == 2
    assert seqs(read(lines(message))[0]) == [9], "what a dry run printed"


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ("nonsense", r"line 3: not JSON \(it begins with 'nonsense'\); expected a stream event .*Records"),
        (
            '{"at":5,"record":{"dyna',
            "line 3: the line is truncated; the lines before it were read. Copy the file again",
        ),
        ({"hello": 1}, r"line 3: this JSON is not in an expected format \(an object with hello\); expected"),
        ("3", r"line 3: this JSON is not in an expected format \(a int\)"),
        ({"Records": [{"eventSource": "aws:s3"}]}, "line 3: record 0 of the event is not a record of a DynamoDB"),
        ({"at": 5, "event": "metrics", "id": None, "data": {}}, "line 3: this is a recording of a client's stream"),
        ({"format": "sentiment-recording", "v": 2}, "line 3: version 2 of the format is unknown"),
        ({"at": 5, "message": {"v": 1, "changes": [{}]}}, "line 3: this is not a message of the relay: change 0 lacks"),
        ("[" * 100_000, "line 3: the JSON is nested too deeply"),
        ('{"a":"\udcff"}', "line 3: the text is not UTF-8"),
    ],
)
def test_a_bad_line_is_named_and_what_was_before_is_kept(bad: Any, said: str) -> None:
    text = lines(HEAD, record_line(5, change(1)), bad).encode("utf-8", "surrogateescape")
    found, complaint = read(text.removesuffix(b"\n") if "truncated" in said else text + lines(change(2)).encode())
    assert seqs(found) == [1]
    assert re.search(said, complaint), complaint
    assert complaint.startswith("standard input, line 3: ")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "line 0"),
        (b"source_id;label\nwire:1;positive\n", "line 1: not JSON (it begins with 'source_id;label')"),
        (b"<!doctype html>\n<p>", "line 1: not JSON (it begins with '<!doctype html>')"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\r", "line 1: "),
        (b'{\n "Records": [\n  {"a": 1,\n', "line 4: the document is truncated here"),
        (b'{\n "Records": [\n  {"a": 1 "b"}]}\n', "line 3: not JSON at column 11"),
        (b'{\n "Records": 3}\n', "not in an expected format (an object with Records)"),
        (b"\x1f\x8bnonsense", "read or decompression failed"),
    ],
)
def test_foreign_files_get_a_sentence(content: bytes, said: str) -> None:
    found, complaint = read(content)
    assert found == []
    assert said in complaint or (not content and "the file is empty" in complaint)
    assert "expected a stream event" in complaint or "decompression" in complaint


def test_a_line_without_end_is_not_read_into_memory() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: Any) -> int:
            self.given += len(buffer)
            buffer[:] = b"x" * len(buffer)
            return len(buffer)

    endless = Endless()
    with pytest.raises(InputError, match="line 1: longer than 16,777,216 bytes"):
        list(RecordingReader("-", io.BufferedReader(endless)))
    assert endless.given < LONGEST * 1.1


def test_a_file_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nope\.jsonl: No such file or directory; expected"):
        RecordingReader(str(tmp_path / "nope.jsonl"), io.BytesIO())
    with pytest.raises(InputError, match="Is a directory"):
        RecordingReader(str(tmp_path), io.BytesIO())


WHOLE = gzip.compress(lines(HEAD, *(record_line(seq, change(seq)) for seq in range(40))).encode())


@settings(max_examples=60)
@given(st.integers(0, len(WHOLE) - 1))
def test_a_compressed_file_that_is_cut_off_anywhere_gives_its_whole_lines(length: int) -> None:
    found, complaint = read(WHOLE[:length])
    assert seqs(found) == list(range(len(found)))
    assert complaint
    whole = zlib.decompressobj(wbits=31).decompress(WHOLE[:length]) if length >= 2 else b""
    assert len(found) == max(0, whole.count(b"\n") - 1)


NAMES = [
    "at", "record", "message", "v", "changes", "canary", "Records", "dynamodb", "eventSource", "format", "event", "op",
    "table", "keys", "seq", "committed_at", "new",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(NAMES), inner),
    max_leaves=12,
)


@settings(max_examples=200)
@given(VALUES)
def test_no_json_makes_it_stumble(value: Any) -> None:
    for one in read(lines(value))[0]:
        assert isinstance(one.record, dict)


def test_an_array_of_messages_keeps_every_digit() -> None:
    score = "0.12345678901234567890123456789012345678"
    message = (
        '{"v":1,"changes":[{"op":"INSERT","table":"t","keys":{"source_id":"a"},"seq":"1","committed_at":1,'
        f'"new":{{"score":{score}}}}}]}}'
    )
    found, complaint = read(f'[{message},{{"at":7,"message":{message}}}]\n')
    assert complaint == ""
    assert [one.record["dynamodb"]["NewImage"]["score"] for one in found] == [{"N": score}] * 2


@pytest.mark.parametrize("depth", [300, 700, 950])
def test_what_is_nested_deeply_is_read_or_refused(depth: int) -> None:
    deep = "[" * depth + "]" * depth
    message = (
        '{"v":1,"changes":[{"op":"INSERT","table":"t","keys":{"source_id":"a"},"seq":"1","committed_at":1,'
        f'"new":{{"a":{deep}}}}}]}}\n'
    )
    found, complaint = read(message)
    assert found or "nested too deeply" in complaint
    _, complaint = read(deep + "\n")
    assert "an array in an array" in complaint or "nested too deeply" in complaint
