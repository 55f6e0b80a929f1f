from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.hub.ordered import Ordered


@given(st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=200), st.integers(-1, 41), st.integers(0, 41))
def test_it_counts_as_a_sorted_list_does(steps: list[tuple[int, bool]], bound: int, last: int) -> None:
    ordered, model = Ordered(), list[int]()
    for value, removes in steps:
        if removes and model:
            gone = model.pop(value % len(model))
            ordered.remove(gone)
        else:
            ordered.add(value)
            model.append(value)
    assert len(ordered) == len(model)
    assert ordered.above(bound) == sum(1 for value in model if value > bound)
    found = list(ordered.between(bound, last))
    assert found == sorted(found)
    assert {value for value in model if bound < value <= last} <= set(found)


def test_what_was_removed_is_let_go_of() -> None:
    ordered = Ordered()
    for value in range(10_000):
        ordered.add(value)
        if value >= 100:
            ordered.remove(value - 100)
    assert len(ordered) == 100
    assert len(ordered._added) < 300
