"""The index of groups answers what each filter would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from streamer.hub.filters import Filter
from streamer.hub.frame import Frame, FrameKind
from streamer.hub.groups import Groups

TICKERS = ("AAPL", "MSFT", "TSLA", "F")
_filters = st.builds(
    Filter,
    tickers=st.one_of(st.none(), st.frozensets(st.sampled_from(TICKERS), max_size=3)),
    sentiment=st.booleans(),
    metrics=st.booleans(),
)
_frames = st.one_of(
    st.tuples(st.just(FrameKind.SENTIMENT), st.sampled_from(TICKERS)),
    st.tuples(st.sampled_from([FrameKind.METRICS, FrameKind.CONTROL]), st.none()),
)
_moves = st.tuples(st.booleans(), _filters, st.integers(0, 3))


@given(st.lists(_moves, max_size=30), st.lists(_frames, max_size=8))
def test_each_group_gets_the_frames_that_its_filter_admits_in_their_order(
    moves: list[tuple[bool, Filter, int]], kinds: list[tuple[FrameKind, str | None]]
) -> None:
    groups: Groups[int] = Groups()
    model: dict[Filter, set[int]] = {}
    for joins, wanted, subscriber in moves:
        if joins:
            assert groups.join(wanted, subscriber).filter == wanted
            model.setdefault(wanted, set()).add(subscriber)
        else:
            groups.leave(wanted, subscriber)
            model.get(wanted, set()).discard(subscriber)
    model = {wanted: subscribers for wanted, subscribers in model.items() if subscribers}
    assert groups == model
    assert groups.want_metrics == any(wanted.metrics for wanted in model)
    frames = [Frame(number, kind, ticker, b"") for number, (kind, ticker) in enumerate(kinds, 1)]
    admitted = {wanted: [frame for frame in frames if wanted.admits(frame)] for wanted in model}
    for _ in range(2):  # nothing is left over from the first time
        routed = groups.route(frames)
        assert {group.filter: found for group, found in routed} == {w: found for w, found in admitted.items() if found}
        assert len(routed) == len({group.filter for group, _ in routed})


def test_what_nobody_wants_any_more_leaves_nothing_behind() -> None:
    groups: Groups[int] = Groups()
    for number in range(100):
        groups.join(Filter(frozenset({f"T{number}", "AAPL"})), number)
    for number in range(100):
        groups.leave(Filter(frozenset({f"T{number}", "AAPL"})), number)
    assert not groups
    assert not groups._by_ticker
