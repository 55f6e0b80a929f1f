"""Changes fill messages, messages fill requests; order and limits hold for any input."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest_relay.pack import BATCH_BYTES, BATCH_MESSAGES, MESSAGE_BYTES, batches, canary, pack
from ingest_relay.record import Change, to_change
from tests.unit.ingest_relay.stream import TABLES, recorded


def change(position: int, size: int) -> Change:
    """A change whose text is a JSON string of `size` bytes."""
    return Change(position, str(position), json.dumps("x" * (size - 2)))


SIZES = st.lists(st.integers(2, 400), max_size=60)
LIMITS = st.integers(120, 1_000)


@given(SIZES, LIMITS, st.none() | st.text(max_size=40))
def test_every_change_is_in_one_message_within_the_limit_and_in_order(
    sizes: list[int], limit: int, trace: str | None
) -> None:
    changes = [change(position, size) for position, size in enumerate(sizes)]
    packed = pack(changes, relayed_at=1732280000123, trace=trace, limit=limit)

    sent = [one for message in packed.messages for one in message.changes]
    assert sorted([*sent, *packed.oversize], key=lambda one: one.position) == changes
    assert sent == sorted(sent, key=lambda one: one.position)
    for message in packed.messages:
        assert len(message.text.encode()) <= limit
        body = json.loads(message.text)
        assert body["changes"] == [json.loads(one.text) for one in message.changes]
        assert (body["v"], body["relayed_at"], body.get("trace")) == (1, 1732280000123, trace or None)


@given(SIZES, LIMITS)
def test_no_message_ends_before_it_is_full_and_only_what_fits_nowhere_is_oversize(sizes: list[int], limit: int) -> None:
    changes = [change(position, size) for position, size in enumerate(sizes)]
    packed = pack(changes, relayed_at=1732280000123, limit=limit)
    for message, following in pairwise(packed.messages):
        assert len(message.text) + len(",") + len(following.changes[0].text) > limit
    empty = len('{"v":1,"relayed_at":1732280000123,"changes":[]}')
    assert all(empty + len(one.text) > limit for one in packed.oversize)


@given(SIZES, st.integers(100, 2_000), st.integers(1, 10))
def test_requests_hold_as_much_as_they_may_in_order(sizes: list[int], limit: int, most: int) -> None:
    texts = [f"{place}:".ljust(size, ".") for place, size in enumerate(sizes)]
    grouped = list(batches(texts, most=most, limit=limit))
    assert [text for batch in grouped for text in batch] == texts
    for batch in grouped:
        assert 1 <= len(batch) <= most
        assert sum(map(len, batch)) <= limit or len(batch) == 1
    for batch, following in pairwise(grouped):
        assert len(batch) == most or sum(map(len, batch)) + len(following[0]) > limit


def test_the_limits_hold_to_the_byte() -> None:
    one, two = change(0, 50), change(1, 60)
    both = len(pack([one, two], relayed_at=1).messages[0].text)
    assert len(pack([one, two], relayed_at=1, limit=both).messages) == 1
    assert len(pack([one, two], relayed_at=1, limit=both - 1).messages) == 2
    alone = len(pack([one], relayed_at=1).messages[0].text)
    assert pack([one], relayed_at=1, limit=alone).oversize == ()
    assert pack([one], relayed_at=1, limit=alone - 1).oversize == (one,)
    assert len(list(batches(["a" * 10, "b" * 10], limit=20))) == 1
    assert len(list(batches(["a" * 10, "b" * 10], limit=19))) == 2


def test_the_limits_are_the_services() -> None:
    assert (MESSAGE_BYTES, BATCH_MESSAGES, BATCH_BYTES) == (60_000, 10, 262_144)
    full = ["x" * MESSAGE_BYTES] * 9 + ["x"] * 21
    assert [len(batch) for batch in batches(full)] == [4, 4, 10, 10, 2]


def test_a_burst_of_a_hundred_changes_is_one_message() -> None:
    records = recorded("burst-three-keys-1-of-3")["Records"]
    changes = [to_change(one, place, TABLES) for place, one in enumerate(records)]
    assert len(pack(changes, relayed_at=1732280000123).messages) == 1


def test_the_message_is_the_documented_one() -> None:
    (message,) = pack([Change(0, "7", '{"op":"…"}')], relayed_at=1732280000123, trace='Root=1-"2"').messages
    assert message.text == '{"v":1,"relayed_at":1732280000123,"trace":"Root=1-\\"2\\"","changes":[{"op":"…"}]}'


def test_nothing_makes_no_message() -> None:
    assert pack([], relayed_at=1) == pack([], relayed_at=2)
    assert list(batches([])) == []


def test_a_trace_header_of_absurd_length_is_left_out() -> None:
    assert "trace" not in canary(sent_at=1, trace="x" * 1_001)


def test_a_canary_says_when_it_was_sent() -> None:
    assert canary(sent_at=1732280000123) == '{"v":1,"canary":{"sent_at":1732280000123}}'
    assert json.loads(canary(sent_at=1, trace="Root=1"))["trace"] == "Root=1"


ROOT, PARENT = "1-6a1f0b2c-0123456789abcdef01234567", "53995c3f42cd8ad8"


@pytest.mark.parametrize(
    ("trace", "traceparent"),
    [
        (f"Root={ROOT};Parent={PARENT};Sampled=1", f"00-6a1f0b2c0123456789abcdef01234567-{PARENT}-01"),
        (
            f"Self=1-67891234-12456789abcdef012345678;Sampled=0;Root={ROOT};Parent={PARENT};Lineage=1:a87bd80c:0",
            f"00-6a1f0b2c0123456789abcdef01234567-{PARENT}-00",
        ),
        (f"Root={ROOT};Parent={PARENT};Sampled=?", None),
        (f"Root={ROOT};Parent={PARENT}", None),
        (f"Root={ROOT};Sampled=1", None),
        (f"Root={ROOT.upper()};Parent={PARENT};Sampled=1", None),
    ],
)
def test_a_complete_trace_header_stands_there_as_a_w3c_header_too(trace: str, traceparent: str | None) -> None:
    (message,) = pack([Change(0, "7", "{}")], relayed_at=1, trace=trace).messages
    for body in (json.loads(message.text), json.loads(canary(sent_at=1, trace=trace))):
        assert (body["trace"], body.get("traceparent")) == (trace, traceparent)
