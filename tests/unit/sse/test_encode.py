from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.sse.encode import PING, frame, to_json
from streamer.sse.events import Closing, Connected, SentimentUpdate

texts = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner) | st.dictionaries(texts, inner),
)


@given(values)
def test_json_reads_back_as_what_was_written(value: object) -> None:
    assert json.loads(to_json(value)) == value


def test_a_decimal_keeps_every_digit() -> None:
    assert to_json({"score": Decimal("0.12345678901234567890123456789012345678")}) == (
        '{"score":0.12345678901234567890123456789012345678}'
    )


def test_what_has_no_json_form_is_refused() -> None:
    with pytest.raises(TypeError, match="set"):
        to_json({1})


@given(texts, texts)
def test_no_text_can_break_out_of_its_frame(source_id: str, source: str) -> None:
    event = SentimentUpdate(source_id, "t", "v", "AAPL", "positive", Decimal("0.5"), None, source, None, None)
    lines = event.frame(place="evt_1").decode().split("\n")
    assert lines[:2] == ["id: evt_1", "event: sentiment_update"]
    assert lines[3:] == ["", ""]
    assert "\r" not in lines[2]
    assert json.loads(lines[2].removeprefix("data: "))["source"] == source


@given(texts, st.sampled_from("\x85\u2028\u2029"), texts)
def test_what_unicode_calls_a_line_end_is_none_in_data(before: str, end: str, after: str) -> None:
    text = before + end + after
    update = SentimentUpdate(text, text, "v", "A", "neutral", Decimal(0), None, text, text, text)
    written = [to_json({text: [text]}), update.data()]
    for data in written:
        assert not set(data) & set("\x85\u2028\u2029")
        assert data.encode().decode().splitlines() == [data]
        assert json.loads(data).get("source_id", text) == text


@given(texts)
def test_the_written_out_update_is_what_its_fields_say(text: str) -> None:
    event = SentimentUpdate(text, text, "v", "AAPL", "neutral", Decimal("-1.50"), Decimal("0.1"), text, text, None)
    names = ("source_id", "timestamp", "version", "ticker", "label", "score", "confidence", "source", "updated_at")
    expected = {name: getattr(event, name) for name in (*names, "committed_at")}
    assert event.data() == to_json(expected)


def test_a_frame_has_id_retry_event_and_data_and_ends_in_an_empty_line() -> None:
    assert frame("e", "{}", place="p", retry_ms=5) == b"id: p\nretry: 5\nevent: e\ndata: {}\n\n"
    assert PING.endswith(b"\n\n")
    assert PING.startswith(b":")


def test_closing_tells_the_browser_the_same_retry_as_its_data() -> None:
    assert Closing("drain", 1234).frame() == (
        b'retry: 1234\nevent: closing\ndata: {"reason":"drain","retry_ms":1234}\n\n'
    )


def test_connected_has_no_id() -> None:
    event = Connected("c", ("AAPL",), "fresh", 0, "push", 3000, 30.0)
    assert b"id:" not in event.frame(retry_ms=3000).split(b"\nevent")[0]
