"""A timeline is a sorted list, whatever its chunks are."""

from __future__ import annotations

import random

import pytest

from streamer.change import Key, iso_time
from streamer.hub import timeline as module
from streamer.hub.timeline import Held, Timeline
from tests.factories import NOW_MS, state


def held(number: int, ms: int) -> Held:
    key = Key(f"{number:04}", iso_time(NOW_MS + ms))
    return Held(key.timestamp, key.source_id, key, state(), 0)


@pytest.mark.parametrize("order", ["up", "down", "random"])
def test_it_is_sorted_and_begins_at_any_bound(order: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_CHUNK", 4)
    rng = random.Random(7)
    for _ in range(20):
        items = [held(number, rng.randrange(20)) for number in range(rng.randrange(80))]
        expected = sorted(items)
        added = {"up": expected, "down": expected[::-1], "random": items}[order]
        timeline = Timeline()
        for item in added:
            timeline.add(item)
        for gone in rng.sample(items, len(items) // 3):
            timeline.remove(gone)
            expected.remove(gone)
        for item in [it for it in items if it not in expected][:5]:
            timeline.add(item)
            expected = sorted([*expected, item])
        for item in expected[::3]:
            corrected = item._replace(state=state("negative"))
            timeline.replace(corrected)
            expected[expected.index(item)] = corrected
        assert list(timeline.newest_first()) == expected[::-1]
        assert timeline.oldest == (expected[0] if expected else None)
        for bound in [(it.timestamp, it.source_id) for it in items] + [(iso_time(NOW_MS + 9) + "\0",), ("",), ("9",)]:
            assert list(timeline.newest_first(bound)) == [it for it in expected if it < bound][::-1]
        for item in expected:
            timeline.remove(item)
        assert not timeline
        assert list(timeline.newest_first(("9",))) == []


def test_an_insertion_moves_a_chunk_at_most() -> None:
    timeline = Timeline()
    for number in range(5_000, 0, -1):
        timeline.add(held(number, number))
    assert max(map(len, timeline._chunks)) <= 2 * module._CHUNK
