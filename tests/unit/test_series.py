"""A cursor of a series: written once, read back exactly, and nothing else is one."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.series import SeriesCursor, read_series_cursor


@given(st.from_regex(r"[A-Z0-9.^=-]{1,12}", fullmatch=True), st.integers(0, 253_402_300_799_999))
def test_a_position_survives_being_written(ticker: str, time_ms: int) -> None:
    position = SeriesCursor(ticker, time_ms)
    assert read_series_cursor(position.write()) == position


def encoded(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value, separators=(",", ":")).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "text",
    [
        "", "x", "é", "A" * 101, encoded([]), encoded(["A"]), encoded(["A", 1, 2]), encoded(["a", 1]), encoded(["", 1]),
        encoded([1, 1]), encoded(["A", True]), encoded(["A", 1.5]), encoded(["A", -1]), encoded(["A", 10**18]),
        encoded(["A", None]), encoded({"A": 1}), encoded("AB"), SeriesCursor("A", 1).write() + "=",
        base64.urlsafe_b64encode(b'["A", 1]').decode().rstrip("="), base64.urlsafe_b64encode(b"[" * 60).decode(),
    ],
)  # fmt: skip
def test_whatever_else_is_no_cursor(text: str) -> None:
    with pytest.raises(ValueError, match="not a cursor"):
        read_series_cursor(text)
