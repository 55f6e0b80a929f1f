from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamer.sse import decode as decode_module
from streamer.sse.decode import MAX_EVENT_BYTES, Decoder, EventTooLarge, Message
from streamer.sse.encode import PING
from streamer.sse.events import Closing, Heartbeat
from tests.unit.sse.reference import Event, Outcome, interpret

CASES: dict[str, tuple[bytes, list[Event]]] = {
    # The examples of the specification's text.
    "stocks": (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("message", "YHOO\n+2\n10", "")]),
    "four blocks": (
        b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
        [("message", "first event", "1"), ("message", "second event", ""), ("message", " third event", "")],
    ),
    "empty data": (b"data\n\ndata\ndata\n\ndata:", [("message", "", ""), ("message", "\n", "")]),
    "space or none": (b"data:test\n\ndata: test\n\n", [("message", "test", "")] * 2),
    # Each rule by itself.
    "nothing": (b"", []),
    "line ends": (
        b"data:a\r\n\r\ndata:b\r\rdata:c\n\ndata:d\r\n\ndata:e\n\r\ndata:f\r\n\r",
        [("message", letter, "") for letter in "abcdef"],
    ),
    "line feed then carriage return": (b"data:a\n\rdata:b\n\n", [("message", "a", ""), ("message", "b", "")]),
    "mixed within an event": (b"data:a\rdata:b\r\ndata:c\n\r\n", [("message", "a\nb\nc", "")]),
    "no other line ends": (
        "data:a\u2028b\u0085c\x0bd\x0ce\x1cf\n\n".encode(),
        [("message", "a\u2028b\u0085c\x0bd\x0ce\x1cf", "")],
    ),
    "bom at the start": (
        b"\xef\xbb\xbfdata:a\n\n\xef\xbb\xbfdata:b\n\ndata:c\n\n",
        [("message", x, "") for x in "ac"],
    ),
    "one bom alone": (b"\xef\xbb\xbf\xef\xbb\xbfdata:a\n\ndata:b\n\n", [("message", "b", "")]),
    "no bom after all": (b"\xef\xbbdata:a\n\ndata:b\n\n", [("message", "b", "")]),
    "event name": (b"event:x\ndata:a\n\ndata:b\n\n", [("x", "a", ""), ("message", "b", "")]),
    "the last name counts": (
        b"event:x\nevent:y\ndata:a\n\nevent:x\nevent\ndata:b\n\n",
        [("y", "a", ""), ("message", "b", "")],
    ),
    "a name without data is forgotten": (b"event:x\n\ndata:a\n\n", [("message", "a", "")]),
    "empty name": (b"event: \ndata:a\n\n", [("message", "a", "")]),
    "name keeps its spaces": (b"event:  x \ndata:a\n\n", [(" x ", "a", "")]),
    "fields have a case": (b"Data:a\nDATA:b\n data:c\n\ndata:d\n\n", [("message", "d", "")]),
    "a name before a colon is the whole name": (b"data :a\ndatax:b\nxdata:c\n\n", []),
    "id stays": (
        b"id:1\ndata:a\n\ndata:b\n\nid:2\ndata:c\n\n",
        [("message", "a", "1"), ("message", "b", "1"), ("message", "c", "2")],
    ),
    "id without data moves on": (b"id:1\n\ndata:a\n\n", [("message", "a", "1")]),
    "empty id takes it back": (
        b"id:1\ndata:a\n\nid:\ndata:b\n\nid: \ndata:c\n\n",
        [("message", "a", "1"), ("message", "b", ""), ("message", "c", "")],
    ),
    "id with nul is ignored": (
        b"id:1\n\nid:2\x003\ndata:a\n\nid:\0\ndata:b\n\n",
        [("message", "a", "1"), ("message", "b", "1")],
    ),
    "nul elsewhere stays": (b"event:\0\ndata:a\0b\n\n", [("\0", "a\0b", "")]),
    "the last id counts": (b"id:1\ndata:a\nid:2\n\n", [("message", "a", "2")]),
    "id of an unfinished event": (b"id:1\ndata:a\n\nid:2\ndata:b\n", [("message", "a", "1")]),
    "colons in values": (b"event:a:b\nid:1:2\ndata:::\n\n", [("a:b", "::", "1:2")]),
    "comments": (b":\n:data:x\ndata:a\n: \n::\ndata:b\n\n:\n\n", [("message", "a\nb", "")]),
    "unknown fields": (b"foo:bar\nbar\ndata:a\nfoo\n\nfoo:x\n\n", [("message", "a", "")]),
    "retry among others": (b"retry:1000\ndata:a\n\n", [("message", "a", "")]),
    "unfinished": (b"data:a\n\ndata:b\n", [("message", "a", "")]),
    "unfinished line": (b"data:a\n\ndata:b", [("message", "a", "")]),
    "empty lines": (b"\n\n\ndata:a\n\n\n\n\ndata:b\n\n\n", [("message", "a", ""), ("message", "b", "")]),
    "unicode": ("data:ok…é📈\nid:é\nevent:ü\n\n".encode(), [("ü", "ok…é📈", "é")]),
    "invalid utf-8": (
        b"data:\xff|\xc0\x80|\xe2\x82|\xed\xa0\x80|\xf0\x80\x80A|\xf4\x90|\xc3\ndata:\xa9\xf0\x9f\n\n",
        [(
            "message",
            "\ufffd|\ufffd\ufffd|\ufffd|\ufffd\ufffd\ufffd|\ufffd\ufffd\ufffdA|\ufffd\ufffd|\ufffd\n\ufffd\ufffd",
            "",
        )],
    ),
    # What web-platform-tests and the tests of other parsers ask beside these.
    "odd field names": (
        b"data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:9\ndata:4\n\n",
        [("message", "\0\n 2\n1\n3\n\n4", "")],
    ),
    "long comments": (
        b"data:1\r:\0\n:\r\ndata:2\n:" + b"x" * 600 + b"\rdata:3\n:data:fail\r:" + b"x" * 600 + b"\ndata:4\n\n",
        [("message", "1\n2\n3\n4", "")],
    ),
    "leading space": (b"data:\ttest\rdata: \ndata:test\n\n", [("message", "\ttest\n\ntest", "")]),
    "line ends in an event": (b"data:test\r\ndata\ndata:test\r\n\r\n", [("message", "test\n\ntest", "")]),
    "text without a field": (
        b"data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
        [("message", "test\n\ntest", "")],
    ),
    "three bytes of a bom, one by one": (b"\xef\xbb\xbfdata:\xef\xbb\xbf\n\n", [("message", "\ufeff", "")]),
    "only line ends after an event": (b"data:\0\n\n\n\n", [("message", "\0", "")]),
    "a tab is no space": (b"data:\ta\n\n", [("message", "\ta", "")]),
    "odd after usual": (
        b"id:1\nevent:x\ndata:a\n\nretry:5\nevent:y\ndata:b\ndata:c\n\nid:2\nevent:x\ndata:d\n\n",
        [("x", "a", "1"), ("y", "b\nc", "1"), ("x", "d", "2")],
    ),
    "an order of its own": (
        b"data:a\nevent:x\nid:1\n\nevent:x\nid:2\ndata:b\n\n",
        [("x", "a", "1"), ("x", "b", "2")],
    ),
}  # fmt: skip


def decode(*chunks: bytes) -> Outcome:
    decoder = Decoder()
    events = [message[:3] for chunk in chunks for message in decoder.feed(chunk)]
    assert decoder.received == sum(map(len, chunks))
    return Outcome(events, decoder.last_event_id, decoder.retry_ms)


@pytest.mark.parametrize("case", CASES)
def test_a_case_of_the_specification_at_every_split_position(case: str) -> None:
    stream, events = CASES[case]
    expected = interpret(stream)
    assert expected.events == events
    for position in range(len(stream) + 1):
        assert decode(stream[:position], stream[position:]) == expected, position
    assert decode(*(stream[at : at + 1] for at in range(len(stream)))) == expected


tokens = st.sampled_from(
    [
        *(
            b"data",
            b"event",
            b"id",
            b"retry",
            b"x",
            b":",
            b": ",
            b" ",
            b"\n",
            b"\n\n",
            b"\r",
            b"\r\n",
            b"1",
            b"0",
            b"\0",
        ),
        *(b"data: a\n", b"id: 7\n", b"event: e\n", b"id: 8\nevent: f\ndata: b\n\n", b": ping\n\n", b"\xef\xbb\xbf"),
        *("é".encode(), "📈".encode(), b"\xff", b"\xe2", b"\x82"),
    ]
)
streams = st.lists(tokens | st.binary(max_size=3), max_size=40).map(b"".join)


@settings(max_examples=400)
@given(streams, st.data())
@example(b"\xef\xbb\xbf\xef\xbb\xbfid:1\n\n\n", None)
def test_any_stream_cut_anywhere_says_what_the_specification_says(stream: bytes, data: st.DataObject | None) -> None:
    expected = interpret(stream)
    assert decode(stream) == expected
    for position in range(len(stream) + 1):
        assert decode(stream[:position], b"", stream[position:]) == expected, position
    if data is not None:
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
        pairs = zip([0, *cuts], [*cuts, len(stream)], strict=True)
        assert decode(*(stream[begin:end] for begin, end in pairs)) == expected


@pytest.mark.parametrize(
    ("lines", "retry_ms"),
    [
        (b"retry: 1000\n\n", 1000),
        (b"retry:0\n", 0),
        (b"retry:7\nretry:8\ndata:a\n\nretry", 8),
        (b"retry:12", None),
        (b"retry: 1000x\n\n", None),
        (b"retry:-1\n\n", None),
        (b"retry:1.5\n\n", None),
        (b"retry: 1 \n\n", None),
        (b"retry:  1\n\n", None),
        (b"retry\n\nretry:\n\n", None),
        ("retry:٣\n\n".encode(), None),
        (b"retry:" + b"9" * 5000 + b"\n\n", 10**12),
        (b"retry:" + b"0" * 5000 + b"25\n\n", 25),
    ],
)
def test_retry_is_digits_and_counts_from_its_own_line_on(lines: bytes, retry_ms: int | None) -> None:
    decoder = Decoder()
    decoder.feed(lines)
    assert decoder.retry_ms == retry_ms


def test_a_message_names_the_retry_that_came_with_it() -> None:
    decoder = Decoder()
    assert decoder.feed(Closing("drain", 1234).frame()) == [
        Message("closing", '{"reason":"drain","retry_ms":1234}', "", 1234)
    ]
    assert decoder.feed(b"data:a\n\n")[0].retry_ms is None
    assert decoder.retry_ms == 1234


def test_what_the_encoder_writes_reads_back() -> None:
    event = Heartbeat("2026-11-22T14:18:50.000Z", 3, 86412, "push")
    assert Decoder().feed(event.frame(place="evt_1") + PING) == [Message("heartbeat", event.data(), "evt_1", None)]


def test_a_comment_is_no_message_and_yet_a_sign_of_life() -> None:
    decoder = Decoder()
    assert decoder.feed(PING) == []
    assert decoder.received == len(PING)


def test_a_continued_stream_keeps_its_id_until_another_comes() -> None:
    decoder = Decoder(last_event_id="evt_1")
    assert [m.id for m in decoder.feed(b"data:a\n\nid:evt_2\ndata:b\n\n")] == ["evt_1", "evt_2"]


@pytest.mark.parametrize("step", [1, 7, 50, 10_000])
def test_an_event_within_the_limit_is_read_and_one_beyond_it_is_an_error(step: int) -> None:
    fits = b"data:" + b"x" * 95 + b"\n\n"
    beyond = b"data:" + b"x" * 96 + b"\n\n"
    stream = fits + b"data: small\n\n" + fits + beyond + fits
    decoder = Decoder(max_event_bytes=100)
    read: list[Message] = []

    def read_on() -> None:
        for at in range(0, len(stream) + 2 * step, step):
            read.extend(decoder.feed(stream[at : at + step]))

    with pytest.raises(EventTooLarge, match="larger than 100 bytes"):
        read_on()
    assert [len(message.data) for message in read] == [95, 5, 95]
    with pytest.raises(EventTooLarge):
        decoder.feed(b"data:a\n\n")


def test_the_limit_is_a_mebibyte_by_default() -> None:
    assert MAX_EVENT_BYTES == 1024 * 1024
    decoder = Decoder()
    decoder.feed(b"data:")
    decoder.feed(b"x" * (MAX_EVENT_BYTES - 5))
    with pytest.raises(EventTooLarge, match="1,048,576 bytes"):
        decoder.feed(b"x")


@pytest.mark.parametrize("ignored", [b":\n", b": keep me\n", b"unknown: field\n", b"database\n"])
@pytest.mark.parametrize("step", [1, 33, 100_000])
def test_what_is_ignored_does_not_count_against_the_limit(ignored: bytes, step: int) -> None:
    stream = b"id: 1\n" + ignored * 200 + b"event: e\n" + b":" + b"c" * 500 + b"\n" + b"data: a\n" + ignored + b"\n"
    decoder = Decoder(max_event_bytes=100)
    read = [m for at in range(0, len(stream), step) for m in decoder.feed(stream[at : at + step])]
    assert read == [Message("e", "a", "1", None)]


@pytest.mark.parametrize("ends", ["", ":", ": a comment", "foo", "foo: bar", "da", "event", "retry"])
def test_what_may_yet_be_ignored_does_not_count_against_the_limit(ends: str) -> None:
    decoder = Decoder(max_event_bytes=100)
    decoder.feed(b"data:" + b"x" * 95 + b"\n" + ends.encode())
    ignored = "" if ends in ("da", "event", "retry") else "\n"
    if ignored:
        assert len(decoder.feed(b"\n" + ignored.encode())) == 1
    else:
        with pytest.raises(EventTooLarge):
            decoder.feed(b"ta:\n" if ends == "da" else b"\n")


limited = st.lists(
    st.sampled_from(
        [b"data:a\n", b"data:" + b"b" * 9, b"c", b"\n", b"\n\n", b"\r\n", b"\r", b":c\n", b":" + b"c" * 30,
         b"foo", b"data", b"id:1\n", b"event:e\n", b"retry:5\n", b"unknown: field\n"],
    ),
    max_size=30,
).map(b"".join)  # fmt: skip


def decode_limited(chunks: list[bytes]) -> tuple[list[Message], bool]:
    """The messages, and whether the limit of 20 bytes was exceeded."""
    decoder = Decoder(max_event_bytes=20)
    messages: list[Message] = []
    try:
        for chunk in [*chunks, b""]:
            messages += decoder.feed(chunk)
    except EventTooLarge:
        return messages, True
    return messages, False


@settings(max_examples=300)
@given(limited, st.lists(st.integers(0, 400), max_size=12))
@example(b"data:" + b"b" * 15 + b"\n:c\n\n", [21, 22])
@example(b"\n" * 30 + b"data:" + b"b" * 15 + b"\n\n", [3])
def test_the_limit_is_the_same_however_a_stream_is_cut(stream: bytes, cuts: list[int]) -> None:
    expected = decode_limited([stream])
    assert decode_limited([stream[at : at + 1] for at in range(len(stream))]) == expected
    places = sorted(min(cut, len(stream)) for cut in cuts)
    assert decode_limited([stream[a:b] for a, b in pairwise([0, *places, len(stream)])]) == expected


class _Counted(bytearray):
    """Counts the bytes that are searched, copied or decoded."""

    work = 0

    def rfind(self, sub: Any, start: Any = 0, end: Any = None) -> int:
        self.work += len(self) - start
        return super().rfind(sub, start)

    def __getitem__(self, key: Any) -> Any:
        got = super().__getitem__(key)
        self.work += 1 if isinstance(got, int) else len(got)
        return got

    def __setitem__(self, key: Any, value: Any) -> None:
        self.work += len(range(*key.indices(len(self)))) if isinstance(key, slice) else 1
        super().__setitem__(key, value)


class _CountedPattern:
    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self._pattern = pattern
        self.work = 0

    def findall(self, text: Any) -> Any:
        self.work += len(text)
        return self._pattern.findall(text)

    def sub(self, new: Any, text: Any) -> Any:
        self.work += len(text)
        return self._pattern.sub(new, text)

    def match(self, text: Any, at: int = 0) -> Any:
        self.work += 8  # these patterns look at the beginning alone
        return self._pattern.match(text, at)


def _work(monkeypatch: pytest.MonkeyPatch, begin: bytes, chunk: bytes, times: int) -> int:
    """The bytes that the decoder touches for an event that does not end."""
    patterns = [(n, _CountedPattern(p)) for n, p in vars(decode_module).items() if isinstance(p, re.Pattern)]
    assert len(patterns) >= 4
    with monkeypatch.context() as patch:
        for name, pattern in patterns:
            patch.setattr(decode_module, name, pattern)
        decoder = Decoder()
        counted = decoder._pending = _Counted()
        decoder.feed(begin)
        for _ in range(times):
            assert decoder.feed(chunk) == []
            assert decoder.retry_ms in (None, 7)
        assert decoder._pending is counted, "what is not counted would not be seen"
    return counted.work + sum(pattern.work for _, pattern in patterns)


@pytest.mark.parametrize(
    ("begin", "chunk"),
    [
        (b"data:", b"x" * 16),
        (b"data:", b"x" * 16 + b"\ndata:"),
        (b"data:", b"\nretry:7\ndata:y"),
        (b"data:" + b"x" * (MAX_EVENT_BYTES - 100) + b"\n", b": a comment\n"),
        (b"data:" + b"x" * (MAX_EVENT_BYTES - 100) + b"\n", b": a comment that never ends"),
        (b"data:" + b"x" * (MAX_EVENT_BYTES - 100) + b"\nunknown", b"u" * 16),
        (b":", b"c" * 16),
        (b"data:", b"x\rdata:"),
    ],
)
def test_an_unfinished_event_costs_its_bytes_and_not_their_square(
    monkeypatch: pytest.MonkeyPatch, begin: bytes, chunk: bytes
) -> None:
    once, fourfold = (_work(monkeypatch, begin, chunk, times) for times in (500, 2_000))
    first = _work(monkeypatch, begin, chunk, 0)
    assert fourfold - first < 4.5 * (once - first)
    assert (fourfold - first) / (2_000 * len(chunk)) < 8


def test_a_long_event_in_small_pieces_is_read() -> None:
    decoder = Decoder()
    decoder.feed(b"data:")
    for _ in range(50_000):
        decoder.feed(b"x" * 16)
    (message,) = decoder.feed(b"\n\n")
    assert len(message.data) == 800_000
