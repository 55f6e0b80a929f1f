"""A cursor: written once, read back exactly, and nothing else is one."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.change import LABELS, Key
from streamer.cursor import MAX_CURSOR, Before, Cursor, read_cursor

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
KEYS = st.builds(Key, TEXT, TEXT)


@given(st.dictionaries(st.sampled_from(sorted(LABELS)), KEYS), st.frozensets(st.sampled_from(sorted(LABELS))))
def test_a_position_survives_being_written(after: dict[str, Key], ended: frozenset[str]) -> None:
    position = Cursor({label: key for label, key in after.items() if label not in ended}, ended)
    assert read_cursor(position.write()) == position


@given(TEXT, st.none() | TEXT, st.dictionaries(st.sampled_from(sorted(LABELS)), TEXT))
def test_a_position_of_the_memory_survives_too(timestamp: str, source_id: str | None, after: dict[str, str]) -> None:
    position = Cursor({label: Key(key, timestamp) for label, key in after.items()}, before=Before(timestamp, source_id))
    assert read_cursor(position.write()) == position


@given(KEYS, KEYS)
def test_a_position_has_passed_itself_and_what_is_above_it(key: Key, other: Key) -> None:
    before = Before(key.timestamp, key.source_id)
    assert before.passed(key)
    assert before.passed(other) == ((other.timestamp, other.source_id) >= (key.timestamp, key.source_id))
    assert Before(key.timestamp, None).passed(other) == (other.timestamp > key.timestamp)


def test_keys_of_the_greatest_length_fit() -> None:
    key = Key("\u00e9" * 1024, "\u00e9" * 512)
    position = Cursor(dict.fromkeys(LABELS, key), before=Before(key.timestamp, key.source_id))
    assert read_cursor(position.write()) == position


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "!" * 20,
        "é",
        "A" * (MAX_CURSOR + 1),
        encoded([2, None, None, None]),
        encoded([2, None, None, None, None]),
        encoded([2, ["2026"], None, None, None]),
        encoded([2, ["2026", 7], None, None, None]),
        encoded([2, ["2026", ""], None, None, None]),
        encoded([2, ["", "a"], None, None, None]),
        encoded([2, ["2026", None], ["a", "2027"], None, None]),
        encoded([2]),
        encoded([3, ["2026", None], None, None, None]),
        encoded([1, None, None]),
        encoded([1, None, None, None, None]),
        encoded([1, None, None, 7]),
        encoded([1, None, None, ["only one"]]),
        encoded([1, None, None, ["a", 7]]),
        encoded([1, None, None, ["", "2026"]]),
        encoded([1, None, None, ["x" * 2049, "2026"]]),
        encoded([1, None, None, ["\ud800", "2026"]]),
        encoded([True, None, None, None]),
        encoded([1, False, None, None]),
        encoded({"1": 2}),
        encoded("1234"),
        encoded(1),
        base64.urlsafe_b64encode(b"[" * 5000).decode().rstrip("="),
        base64.urlsafe_b64encode(b"[1, null,null,null]").decode().rstrip("="),
        base64.urlsafe_b64encode(b"[" + b"1" * 6000 + b",null,null,null]").decode().rstrip("="),
        Cursor({}).write() + "=",
    ],
)
def test_whatever_else_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        read_cursor(text)
