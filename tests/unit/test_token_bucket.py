"""A token bucket never lets more through than its burst and its rate allow, and never less."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamer.token_bucket import TokenBucket

GAPS = st.lists(st.floats(0, 3), max_size=60)


def test_a_burst_passes_at_once_then_one_each_interval() -> None:
    bucket = TokenBucket(4, 3, now=100)
    waits = []
    for _ in range(5):
        waits.append(bucket.wait(100))
        bucket.take(100)
    assert waits == [0, 0, 0, 0.25, 0.5]
    assert bucket.wait(100.75) == 0


def test_time_without_use_fills_it_to_its_burst_only() -> None:
    bucket = TokenBucket(10, 2)
    for _ in range(2):
        assert bucket.wait(1_000) == 0
        bucket.take(1_000)
    assert bucket.wait(1_000) == pytest.approx(0.1)


@given(GAPS, st.floats(0.5, 50), st.integers(1, 30))
def test_who_waits_as_told_takes_as_many_as_allowed_in_every_span(gaps: list[float], rate: float, burst: int) -> None:
    bucket, now = TokenBucket(rate, burst), 0.0
    taken: list[float] = []
    for gap in gaps:
        now += gap
        wait = bucket.wait(now)
        assert wait <= 1 / rate + 1e-9, "a token is there after one interval at the latest"
        now += wait
        bucket.take(now)
        taken.append(now)
    for first, start in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - start) * rate + 1e-6
