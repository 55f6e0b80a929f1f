"""A cursor: written once, read back exactly, and nothing else is one."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.change import LABELS, Key
from streamer.cursor import MAX_CURSOR, Cursor, read_cursor

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
KEYS = st.builds(Key, TEXT, TEXT)


@given(st.dictionaries(st.sampled_from(sorted(LABELS)), KEYS), st.frozensets(st.sampled_from(sorted(LABELS))))
def test_a_position_survives_being_written(after: dict[str, Key], ended: frozenset[str]) -> None:
    position = Cursor({label: key for label, key in after.items() if label not in ended}, ended)
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
