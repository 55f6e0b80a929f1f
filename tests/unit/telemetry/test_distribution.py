"""Samples are kept by value: few of them exactly, many of them evenly, and none is lost."""

from __future__ import annotations

import random

from hypothesis import example, given
from hypothesis import strategies as st

from streamer.telemetry.distribution import MAX_VALUES, Distribution, Samples, even


def distribution(*values: float) -> Distribution:
    made = Distribution()
    for value in values:
        made.add(value)
    return made


def test_values_are_counted_and_taken_once() -> None:
    made = distribution(7, 3.4, 7, 3)
    assert made.take() == Samples((3, 7), (2, 2))
    assert made.take() is None


def test_large_values_keep_three_digits_so_that_memory_is_bounded() -> None:
    assert distribution(999.4, 1000, 1004, 1006, 123_456).take() == Samples((999, 1000, 1010, 123_000), (1, 2, 1, 1))
    samples = distribution(*range(0, 3_600_000, 7)).take()
    assert samples is not None
    assert len(distribution(*range(0, 3_600_000, 7))._counts) < 5_000
    assert len(samples.values) <= MAX_VALUES


def test_what_cloudwatch_is_told() -> None:
    assert Samples((1, 5), (3, 1)).members() == {
        "Values": (1, 5),
        "Counts": (3, 1),
        "Max": 5,
        "Min": 1,
        "Sum": 8,
        "Count": 4,
    }


def drawn(seed: int, values: int, most: int) -> dict[int, int]:
    """So many values, each up to `most` times."""
    chance = random.Random(seed)
    return {value: chance.randint(1, most) for value in chance.sample(range(100_000), values)}


counted = st.builds(drawn, st.integers(), st.integers(1, 400), st.integers(1, 1_000))


@example(drawn(0, 400, 1))
@example(drawn(1, 400, 1_000))
@given(counted)
def test_no_sample_is_lost_and_the_ends_are_true(counts: dict[int, int]) -> None:
    samples = even(counts)
    assert len(samples.values) == len(samples.counts) <= MAX_VALUES
    assert list(samples.values) == sorted(set(samples.values))
    assert set(samples.values) <= set(counts)
    assert min(samples.counts) > 0
    assert sum(samples.counts) == sum(counts.values())
    assert (samples.values[0], samples.values[-1]) == (min(counts), max(counts))


@given(counted)
def test_each_percentile_is_at_most_one_step_from_the_true_one(counts: dict[int, int]) -> None:
    samples = even(counts)
    true = [value for value in sorted(counts) for _ in range(counts[value])]
    told = [value for value, count in zip(samples.values, samples.counts, strict=True) for _ in range(count)]
    step = -(-len(true) // (MAX_VALUES - 1))
    for percent in (0, 10, 50, 90, 99, 100):
        rank = round((len(true) - 1) * percent / 100)
        low, high = max(0, rank - step), min(len(true) - 1, rank + step)
        assert true[low] <= told[rank] <= true[high]
